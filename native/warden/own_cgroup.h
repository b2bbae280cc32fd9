// Where the warden comes from, and goes back to when the instance that it lives in is to be removed.
#ifndef CORRAL_OWN_CGROUP_H
#define CORRAL_OWN_CGROUP_H

#include <stdbool.h>
#include <sys/types.h>

#include "../core/path.h"

// The O_PATH directory of this process's own cgroup in the cgroup2 file system that `directory` is in, or -1
// where that file system does not show it.
int open_own_cgroup(const char *directory);

// corral_fork_into() `own_cgroup` or, where that cannot be used (any more), the supervisor's cgroup, the
// root, or the top of the hierarchy. -1: none of them takes a process.
pid_t fork_into_own_cgroup(int own_cgroup, const struct corral_base *root, bool no_clone3);

#endif
