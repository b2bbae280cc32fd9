// The processes of a cgroup and of all below it, as a sorted set of pids, and signals to exactly these.
#ifndef CORRAL_MEMBERS_H
#define CORRAL_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "path.h"

struct corral_members {
  pid_t *pids; // sorted, each once
  size_t count, capacity;
  bool unreachable; // a process was listed as 0: it lives in a pid namespace that we cannot see into
};

// Reads the whole subtree (cgroup.procs of each directory). 0, -ENOENT when the cgroup is gone, or another
// errno. The list may be out of date as soon as it is there; use it for what tolerates that.
int corral_members_read(const struct corral_path *group, struct corral_members *members);
// Adds those of one group, without what is below it, at the end; corral_members_sort() then puts all in
// order. Of a threaded group, which has no processes of its own, those that have a thread in it. 0, or
// -ENOMEM, -EMFILE, -ENFILE.
int corral_members_append(int group_fd, struct corral_members *members);
void corral_members_sort(struct corral_members *members);
void corral_members_free(struct corral_members *members);
void corral_members_clear(struct corral_members *members);
// Keeps the order. 0, also for one that is there already, or -ENOMEM.
int corral_members_add(struct corral_members *members, pid_t pid);
bool corral_members_has(const struct corral_members *members, pid_t pid);

// Sends `signals` (0-terminated, in order) to every member of one group, without what is below it, that is
// not in `except` (or to all, when that is NULL), through pidfds, and adds those reached to `reached` unless
// NULL, which may be `except`. A pid that was reused by a process outside the group is never hit. Returns how
// many were reached, or -errno.
int corral_members_signal(int group_fd, const int *signals, const struct corral_members *except,
                          struct corral_members *reached);

#endif
