#define _GNU_SOURCE
#include "peer.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "own.h"

#ifndef SO_PEERPIDFD // asm-generic/socket.h, since 6.5
#define SO_PEERPIDFD 77
#endif

// A process that lives has its pid to itself: with this, the number names it. Before 6.5 the number alone is
// what there is; it stays that of the process which connected, also when another has got it since.
static int check_lives(int socket) {
  CORRAL_OWNED_FD pidfd = -1;
  socklen_t length = sizeof pidfd;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &length) < 0)
    return errno == ENOPROTOOPT ? 0 : -errno;
  struct pollfd look = {.fd = pidfd, .events = POLLIN};
  return poll(&look, 1, 0) == 0 ? 0 : -ESRCH;
}

int corral_peer_of(int socket, pid_t *pid) {
  struct ucred peer;
  socklen_t length = sizeof peer;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
    return -errno;
  if (peer.uid != geteuid())
    return -EPERM;
  if (peer.pid <= 0)
    return -ESRCH;
  *pid = peer.pid;
  return check_lives(socket);
}
