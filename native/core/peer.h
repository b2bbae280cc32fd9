// Who is at the other end of a UNIX socket: what the kernel noted when that process connected, or began to
// listen (SO_PEERCRED, unix(7)). Nothing that a process says of itself is believed.
#ifndef CORRAL_PEER_H
#define CORRAL_PEER_H

#include <sys/types.h>

// Takes the pid of that process. 0, or -errno: -EPERM when it is another user's, -ESRCH when it has ended or
// cannot be seen from our pid namespace.
// A uid that is not mapped in our user namespace reads as the overflow uid (user_namespaces(7)). Where that
// is our own uid too, the uid alone proves nothing: whoever calls this has to know the pid that it must be.
int corral_peer_of(int socket, pid_t *pid);

#endif
