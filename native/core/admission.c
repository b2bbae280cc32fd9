#define _GNU_SOURCE
#include "admission.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "own.h"
#include "peer.h"

#define NAME "admission"
#define WAITING 128        // how many can stand in line: who finds it full waits for room
#define PATIENCE_S 1       // before it is looked again whether the gateway lives
#define PAUSE_NS 10000000L // before asking again

static int open_own(const char *directory) {
  CORRAL_OWNED_FD own = open(directory, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat found;
  if (own < 0 || fstat(own, &found) < 0)
    return -errno;
  if (found.st_uid != geteuid() || (found.st_mode & 0777) != 0700)
    return -EPERM;
  return corral_release_fd(&own);
}

// By the descriptor: it stays the directory that was looked at, and its path can be longer than an address,
// which has 108 bytes (unix(7)).
static struct sockaddr_un address_in(int directory) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" NAME, directory);
  return address;
}

int corral_admission_open(const char *directory) {
  CORRAL_OWNED_FD own = open_own(directory);
  if (own < 0)
    return own;
  struct sockaddr_un address = address_in(own);
  CORRAL_OWNED_FD listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener < 0 || bind(listener, (const struct sockaddr *)&address, sizeof address) < 0 ||
      fchmodat(own, NAME, 0700, 0) < 0 || // whatever the umask is
      listen(listener, WAITING) < 0)
    return -errno;
  return corral_release_fd(&listener);
}

// Until it is reaped its pid is its own. It is not reaped here: that is libuv's.
static bool is_living_child(pid_t pid) {
  siginfo_t ended = {0};
  return waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == 0;
}

int corral_admission_next(int listener, pid_t *pid) {
  CORRAL_OWNED_FD asker = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (asker < 0)
    return errno == EINTR || errno == ECONNABORTED ? -EPERM : -errno;
  if (corral_own_peer(asker, pid) < 0 || !is_living_child(*pid))
    return -EPERM;
  return corral_release_fd(&asker);
}

// 0, or -EAGAIN: there is no answer yet.
static int ask_once(int directory, pid_t gateway, char *answer) {
  struct sockaddr_un address = address_in(directory);
  struct timeval patience = {.tv_sec = PATIENCE_S};
  CORRAL_OWNED_FD link = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (link < 0 || setsockopt(link, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0 ||
      setsockopt(link, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0 ||
      connect(link, (const struct sockaddr *)&address, sizeof address) < 0)
    return -errno;
  pid_t peer;
  int refused = corral_own_peer(link, &peer);
  if (refused < 0)
    return refused;
  // In this order: as long as it is our parent it lives, and nobody else has its pid
  if (peer != gateway)
    return -EPERM;
  if (getppid() != gateway)
    return -ESRCH;
  ssize_t length = recv(link, answer, CORRAL_ADMISSION_BYTES, MSG_TRUNC);
  if (length < 0)
    return errno == ECONNRESET ? -EAGAIN : -errno; // it has closed: what comes next tells more
  return length > CORRAL_ADMISSION_BYTES ? -EMSGSIZE : (int)length;
}

int corral_admission_ask(const char *directory, pid_t gateway, char answer[CORRAL_ADMISSION_BYTES]) {
  if (getppid() != gateway) // before its directory's name, which others can have then
    return -ESRCH;
  CORRAL_OWNED_FD own = open_own(directory);
  if (own < 0)
    return own;
  for (;;) {
    int length = ask_once(own, gateway, answer);
    if (length != 0 && length != -EAGAIN && length != -EINTR)
      return length;
    if (getppid() != gateway)
      return -ESRCH;
    nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
  }
}
