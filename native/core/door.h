// The door of a reaper (native/warden/reaper.h): an abstract UNIX socket (unix(7)) for processes of the same
// user, and of root, who ask what session this is, have it ended, or join it. Its name is no secret, as
// /proc/net/unix shows it. Both sides ask the kernel whose the other is, so nobody else gets in, or is taken
// for a reaper; and a name that is random cannot be taken before.
#ifndef CORRAL_DOOR_H
#define CORRAL_DOOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "language.h"
#include "peer.h"

#define CORRAL_ANYBODYS ((uid_t)-1)

// A listening socket with a new name, which two numbers of 48 bits tell; or -errno.
int corral_door_open(int64_t *high, int64_t *low);

// The next who came and is of our user, or root. A socket, or -errno: -EAGAIN when there is nobody.
int corral_door_let_in(int door);

// Connects to the door of that name. The socket, or -errno: -ECONNREFUSED when there is none (any more),
// -EPERM when it is not that user's: `whose` is a uid, or CORRAL_ANYBODYS, and nobody but root can mean
// another one than its own. `reaper` takes the process that opened it, with a pidfd that is the caller's to
// close.
int corral_door_enter(const char *name, uid_t whose, struct corral_peer *reaper);

#endif
