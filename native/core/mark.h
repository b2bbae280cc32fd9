// The mark of a session that is held without cgroups. Its holder bears it, and all that is started below that
// inherits it, through fork(), exec() and setsid(), whatever becomes of the parents. So what has lost its
// holder and its keeper, both, can still be told from everybody else.
//
// It is the value of RLIMIT_LOCKS, which has meant nothing to the kernel since Linux 2.4.25 (getrlimit(2))
// and which nobody can raise again without CAP_SYS_RESOURCE: a process can only lose its mark on purpose.
#ifndef CORRAL_MARK_H
#define CORRAL_MARK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "descendants.h"

// Marks this process, which is a holder. The mark, or 0 where there is none to be had: RLIMIT_LOCKS is
// limited here, or cannot be read again (no /proc/PID/limits), or holders are too many levels deep, one in
// another.
int64_t corral_mark_self(void);

// 0: it bears none, or is gone.
int64_t corral_mark_of(pid_t pid);

struct corral_lost {
  int64_t mark;
  pid_t holder;     // which was
  size_t processes; // that bear it
};

struct corral_losses {
  struct corral_lost *list; // each mark once
  size_t count;
};

// The marks of this pid namespace that no holder bears any more, but somebody of this user; for root,
// anybody. 0, or -errno.
int corral_find_lost(struct corral_losses *losses);
void corral_losses_free(struct corral_losses *losses);

// As corral_walk_descendants(), of all that live and bear `walk->mark`, in no order.
int corral_walk_marked(const struct corral_walk *walk);

// Whether nobody alive bears the mark. Misses nobody; 0 also where that cannot be told, because too many
// processes are being started. 1, 0 or -errno.
int corral_none_marked(int64_t mark);

#endif
