// A lease that the kernel ends: flock(LOCK_EX) on a cgroup directory, held by its owner as long as it lives.
#ifndef CORRAL_LOCK_H
#define CORRAL_LOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

// Takes the lock of the directory `name` in `above_fd` (which is held open) without waiting, where its
// owner does not live. A descriptor of the directory, whose closing lets go, and in `taken` whether that has
// the lock: a stranger may hold it, which proves that the owner does not. Or -errno; -EWOULDBLOCK: the owner
// lives, or it cannot be seen who holds the lock; -ENOENT: it is gone, also when it went, perhaps to be made
// anew, while we took the lock.
int corral_lock(int above_fd, const char *name, bool *taken);

// The same, to collect what a dead owner has left: the lock is shared once it was taken alone, so that it can
// be told from an owner's. -EINPROGRESS: another process collects it.
int corral_lock_dead(int above_fd, const char *name, bool *taken);

// A read lock on the first byte of a file, of which /proc/locks tells the process that has it. The descriptor
// that holds it, or -errno.
int corral_claim(const char *file);

// Tells in the same way how many its owner is killing: so many bytes from the third on.
void corral_claim_killed(int claim, uint64_t count);

#endif
