// The mark of a session: all that is started in it inherits it, through fork(), exec() and setsid(), whatever
// becomes of the parents, and wherever somebody else (systemd, a container runtime) moves it. Without cgroups
// the reaper bears it too. So what has lost its reaper and its keeper, both, or has been moved out of its
// cgroup, can still be told from everybody else.
//
// It is the value of RLIMIT_LOCKS, which has meant nothing to the kernel since Linux 2.4.25 (getrlimit(2))
// and which nobody can raise again without CAP_SYS_RESOURCE: a process can only lose its mark on purpose, or
// by pam_limits(8), which sets all limits anew.
//
// The mark of a cgroup is made of its id, which no other cgroup of the machine ever has. So nothing keeps it:
// the process that ends a group knows the marks of all that was born in it or below it.
#ifndef CORRAL_MARK_H
#define CORRAL_MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "descendants.h"

// The name of a guard (prctl(2)): a process that finds one with a mark leaves it to its work.

struct corral_marks {
  int64_t *list; // sorted once corral_marks_sort() was called
  size_t count, capacity;
};

// At the end. 0 or -ENOMEM.
int corral_marks_add(struct corral_marks *marks, int64_t mark);
void corral_marks_sort(struct corral_marks *marks);
bool corral_marks_have(const struct corral_marks *marks, int64_t mark);
void corral_marks_free(struct corral_marks *marks);

// The mark of what is started in a cgroup; 0 where it is not known. A later group has a lower one, so that
// a session inside another one can have its own.
int64_t corral_mark_of_group(int group_fd);

// The same as a login uid of audit(8), for /proc/PID/loginuid: pam_limits leaves that alone. 0 where there is
// none.
uint32_t corral_login_mark_of_group(int group_fd);

// From now on the marks of processes are also read there, in this process, up to as many calls of
// corral_leave_login_marks(); each costs as much as twenty others. Who may set it (root, mostly) can forge
// it, or take it off.
void corral_read_login_marks(void);
void corral_leave_login_marks(void);

// Why no process of ours can bear it: 0, or -errno (ENOENT: a kernel without audit; EPERM: the login uid is
// set already, and not ours to change).
int corral_can_login_mark(void);

// Whether what this process starts in a cgroup will bear the mark of that.
bool corral_can_mark(void);

// Marks this process, which is a reaper. The mark, or 0 where it cannot be set: RLIMIT_LOCKS is
// limited here, or cannot be read again (no /proc/PID/limits), or reapers are too many levels deep, one in
// another.
int64_t corral_mark_self(void);

// 0: it bears none, or is gone.
int64_t corral_mark_of(pid_t pid);

struct corral_lost {
  int64_t mark;
  pid_t reaper;     // which was
  size_t processes; // that bear it
};

struct corral_losses {
  struct corral_lost *list; // each mark once
  size_t count;
};

// The marks of this pid namespace that no reaper bears any more, but somebody of this user; for root,
// anybody. 0, or -errno.
int corral_find_lost(struct corral_losses *losses);
void corral_losses_free(struct corral_losses *losses);

// Whom a walk is for instead of descendants (descendants.h).
struct corral_marked {
  struct corral_marks marks; // who bears one of these,
  pid_t leader;              // and, as long as it lives, this process with all that is below it
  int leader_fd;             // its pidfd; -1: nobody
  // Of the instance that does this; who lives in the groups of another one, or guards one, is passed over:
  // that one is to end it.
  const char *instance;
  bool passes_over;
};

// As corral_walk_descendants(), of all that live and are meant; who is below the leader comes before it.
int corral_walk_marked(const struct corral_walk *walk);

// Whether nobody of them lives, who is passed over included. Misses nobody but below a leader who has just
// ended; 0 also where that is not certain, because too many processes are being started. 1, 0 or -errno.
int corral_none_marked(const struct corral_marked *marked);

// Whether a process is another instance's to end: it lives in the groups of that, or is a guard.
bool corral_is_of_other_instance(pid_t pid, const char *instance);

// The directory of a process in the cgroup v2 file system, as /proc tells it. False
// where that cannot be read. What is longer is cut.
bool corral_cgroup_of(pid_t pid, char *path, size_t size);

// Who bears which mark of a cgroup, dead or alive.
struct corral_bearer {
  int64_t mark;
  pid_t pid;
};

struct corral_bearers {
  struct corral_bearer *list; // by marks
  size_t count, capacity;
  bool missed; // so many processes were started that somebody may be missing
};

// All of them, by one pass over the processes. It waits for none of them: prlimit(2) takes no lock that a
// process holds for long. 0 or -errno: -ENOENT where /proc is not mounted.
int corral_bearers_read(struct corral_bearers *bearers);
void corral_bearers_free(struct corral_bearers *bearers);

#endif
