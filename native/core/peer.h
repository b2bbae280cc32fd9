// Who the other side of a socket is, and whether a process runs as our user, by what the kernel says alone.
#ifndef CORRAL_PEER_H
#define CORRAL_PEER_H

#include <stdbool.h>
#include <sys/types.h>

struct corral_peer {
  pid_t pid; // 0: it is in a pid namespace that we cannot see into
  uid_t uid;
  int pidfd; // -1: it has ended, or cannot be seen
};

// The process that connected the socket, or that began to listen at its other end: SO_PEERCRED of unix(7). It
// may have handed the socket on since. 0, and a pidfd that is the caller's to close; or -errno.
int corral_peer_of(int socket, struct corral_peer *peer);

// Whether the peer runs as our user.
bool corral_peer_is_own(const struct corral_peer *peer);

// Takes the peer's pid. 0, or -errno: -EPERM when it is another user's, -ESRCH when it has ended or cannot be
// seen from our pid namespace.
int corral_own_peer(int socket, pid_t *pid);

// In a user namespace, a user without a uid there is shown with the overflow uid (user_namespaces(7)),
// usually 65534, which can be the uid of somebody there as well: then that number says nothing.
bool corral_uid_says_nothing(uid_t uid);

// Whether the process runs as our user, by the kernel's own comparison: kill(2). True of all for who may
// signal all.
bool corral_may_signal(int pidfd);

#endif
