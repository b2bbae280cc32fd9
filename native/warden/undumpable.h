// No other process may trace a reaper, read it or take descriptors from it (ptrace(2), proc_pid_mem(5),
// pidfd_getfd(2)) but root's: what runs in a session has the same user. Children are so, too, up to their
// exec. /proc/PID of such a process belongs to root. What is in there for all to read (stat, status, limits,
// cgroup, task/TID/children) can still be read; its links, and any file that is opened for writing, cannot.
#ifndef CORRAL_UNDUMPABLE_H
#define CORRAL_UNDUMPABLE_H

#include <sys/prctl.h>
#include <unistd.h>

static inline void become_undumpable(void) {
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
    _exit(1);
}

#endif
