#define _GNU_SOURCE
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "own.h"
#include "pidfd.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 // Linux 6.5
#endif
#define OVERFLOW_UID 65534 // DEFAULT_OVERFLOWUID of include/linux/highuid.h
#define ALL_UIDS 4294967295UL

static uid_t overflow_uid(void) {
  char text[16];
  CORRAL_OWNED_FD fd = open("/proc/sys/kernel/overflowuid", O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (length <= 0)
    return OVERFLOW_UID;
  text[length] = '\0';
  return (uid_t)strtoul(text, NULL, 10);
}

// The line of the initial user namespace in /proc/self/uid_map, "0 0 4294967295": nobody is without a uid.
static bool maps_all(void) {
  char text[256];
  CORRAL_OWNED_FD fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (length <= 0)
    return false;
  text[length] = '\0';
  char *at = text;
  const unsigned long inside = strtoul(at, &at, 10), outside = strtoul(at, &at, 10),
                      count = strtoul(at, &at, 10);
  return inside == 0 && outside == 0 && count == ALL_UIDS;
}

bool corral_uid_says_nothing(uid_t uid) {
  return uid == overflow_uid() && !maps_all();
}

bool corral_may_signal(int pidfd) {
  return pidfd >= 0 && corral_pidfd_signal(pidfd, 0) == 0;
}

// Before Linux 6.5 by its pid, which is believed only while the process still is there: one that ended after
// that has its pid kept by this pidfd.
static int open_peer(int socket, pid_t pid) {
  int pidfd;
  socklen_t length = sizeof pidfd;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &length) == 0)
    return pidfd;
  return errno == ENOPROTOOPT && pid > 0 ? corral_pidfd_open(pid) : -1;
}

int corral_peer_of(int socket, struct corral_peer *peer) {
  struct ucred credentials;
  socklen_t length = sizeof credentials;
  *peer = (struct corral_peer){.pidfd = -1};
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0)
    return -errno;
  int pidfd = open_peer(socket, credentials.pid);
  *peer = (struct corral_peer){credentials.pid, credentials.uid, pidfd < 0 ? -1 : pidfd};
  return 0;
}

bool corral_peer_is_own(const struct corral_peer *peer) {
  if (peer->uid != geteuid())
    return false;
  return !corral_uid_says_nothing(peer->uid) || corral_may_signal(peer->pidfd);
}

int corral_own_peer(int socket, pid_t *pid) {
  struct corral_peer peer;
  int answer = corral_peer_of(socket, &peer);
  if (answer < 0)
    return answer;
  CORRAL_OWNED_FD pidfd = peer.pidfd;
  if (!corral_peer_is_own(&peer))
    return -EPERM;
  if (peer.pid <= 0 || pidfd < 0 || corral_readable(pidfd, 0))
    return -ESRCH;
  *pid = peer.pid;
  return 0;
}
