// The freezer of cgroup v1 (Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst). What is frozen by it
// takes no signal, SIGKILL included, before it is thawed: unlike what cgroup v2 freezes.
#ifndef CORRAL_FREEZER_V1_H
#define CORRAL_FREEZER_V1_H

#include <sys/types.h>

// Moves a process that is in a frozen v1 cgroup to the one that we are in, which thaws it, and nobody else;
// where we may not, thaws the cgroup. Nothing to do where there is no such freezer. The process has been sent
// SIGKILL, so `pid` is its own as long as it is frozen.
void corral_thaw_v1(pid_t pid);

// The same for all that are listed in the cgroup.
void corral_thaw_v1_members(int group_fd);

#endif
