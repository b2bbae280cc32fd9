#define _GNU_SOURCE
#include "door.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "own.h"

#define WAITING 64 // who can stand before it at once
#define ROOT 0
#define NUMBER_MASK ((1ULL << 48) - 1)

// An abstract name begins with a NUL and has its length for an end.
static socklen_t address_of(const char *name, struct sockaddr_un *address) {
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  size_t length = strlen(name);
  if (length > sizeof address->sun_path - 1)
    length = sizeof address->sun_path - 1;
  memcpy(address->sun_path + 1, name, length);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
}

static bool is_meant(const struct corral_peer *peer, uid_t whose) {
  if (whose == geteuid())
    return corral_peer_is_own(peer);
  return whose == CORRAL_ANYBODYS || peer->uid == whose;
}

// By the credentials that the other side had when it connected, or began to listen: it is of our user, or of
// that one. On failure there is no pidfd.
static int check_peer(int socket, uid_t whose, struct corral_peer *peer) {
  int answer = corral_peer_of(socket, peer);
  if (answer == 0 && !corral_peer_is_own(peer) && !is_meant(peer, whose))
    answer = -EPERM;
  if (answer < 0)
    corral_drop_fd(&peer->pidfd);
  return answer;
}

int corral_door_open(int64_t *high, int64_t *low) {
  uint64_t numbers[2];
  if (getrandom(numbers, sizeof numbers, 0) != sizeof numbers)
    return -EIO;
  *high = (int64_t)(numbers[0] & NUMBER_MASK);
  *low = (int64_t)(numbers[1] & NUMBER_MASK);
  char name[sizeof CORRAL_DOOR_PREFIX + 24];
  snprintf(name, sizeof name, CORRAL_DOOR_PREFIX "%012llx%012llx", (unsigned long long)*high,
           (unsigned long long)*low);
  struct sockaddr_un address;
  socklen_t length = address_of(name, &address);
  CORRAL_OWNED_FD door = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (door < 0 || bind(door, (const struct sockaddr *)&address, length) < 0 || listen(door, WAITING) < 0)
    return -errno;
  return corral_release_fd(&door);
}

int corral_door_let_in(int door) {
  for (;;) {
    CORRAL_OWNED_FD client = accept4(door, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct corral_peer peer;
    if (client < 0 && errno != EINTR && errno != ECONNABORTED)
      return -errno;
    if (client < 0 || check_peer(client, ROOT, &peer) < 0)
      continue;
    corral_drop_fd(&peer.pidfd); // who joins is looked at again
    return corral_release_fd(&client);
  }
}

int corral_door_enter(const char *name, uid_t whose, struct corral_peer *reaper) {
  struct sockaddr_un address;
  socklen_t length = address_of(name, &address);
  // Not to wait for one whose door is crowded: -EAGAIN
  CORRAL_OWNED_FD client = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (client < 0 || connect(client, (const struct sockaddr *)&address, length) < 0)
    return -errno;
  int answer = check_peer(client, geteuid() == ROOT ? whose : geteuid(), reaper);
  return answer < 0 ? answer : corral_release_fd(&client);
}
