// Where the warden comes from, and goes back to when the instance that it lives in is to be removed.
#ifndef CORRAL_HOME_H
#define CORRAL_HOME_H

#include <stdbool.h>
#include <sys/types.h>

#include "../core/place.h"

// The O_PATH directory of this process's own cgroup in the cgroup2 file system that `directory` is in, or -1
// where that file system does not show it.
int open_own_cgroup(const char *directory);

// corral_fork_into() `home` or, where that is not to be had (any more), the supervisor's cgroup, the root, or
// the top of the hierarchy. -1: none of them takes a process.
pid_t fork_home(int home, const struct corral_base *root, bool no_clone3);

#endif
