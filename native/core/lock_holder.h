// Who holds the lock of a directory that we could not lock. Anybody who can open a directory can lock it
// (flock(2) asks for no more), and can go on with that after its mode was changed: that there is a lock says
// nothing yet of the owner.
#ifndef CORRAL_LOCK_HOLDER_H
#define CORRAL_LOCK_HOLDER_H

#include <sys/types.h>

enum corral_lock_holder {
  CORRAL_HELD_BY_OWNER,     // or by another process of ours that has it alone
  CORRAL_HELD_BY_COLLECTOR, // who collects what the owner left: it shares the lock, as no owner does
  CORRAL_HELD_BY_STRANGERS, // so the owner, whose lock is exclusive, holds none
  CORRAL_HELD_BY_UNKNOWN,   // nobody that we can see: a process in another pid namespace, also where /proc is
                            // of one, or nobody any more
};

// `directory_fd` is open for reading; `owner_pid` is the pid that the owner wrote down, or 0.
enum corral_lock_holder corral_lock_holder(int directory_fd, pid_t owner_pid);

#endif
