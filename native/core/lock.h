// A lease that the kernel ends: flock(LOCK_EX) on a cgroup directory, held as long as its holder lives.
#ifndef CORRAL_LOCK_H
#define CORRAL_LOCK_H

// Takes the lock of a directory without waiting. The descriptor that holds it (close it to let go), or
// -errno; -EWOULDBLOCK: somebody else, alive, has it; -ENOENT: it is gone, also when it went, perhaps to be
// made anew, while we took the lock.
int corral_lock(const char *directory);

// A read lock on a whole file, of which /proc/locks tells the process that has it. The descriptor that holds
// it, or -errno.
int corral_claim(const char *file);

#endif
