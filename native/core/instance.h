// Instances: one directory below <root>/corral for each running gateway, locked by it as long as it lives.
#ifndef CORRAL_INSTANCE_H
#define CORRAL_INSTANCE_H

#include <stdbool.h>

#include "end.h"
#include "error.h"

#define CORRAL_DIRECTORY "corral"      // below the root: all that is ours
#define CORRAL_SESSIONS "sessions"     // below an instance: its sessions
#define CORRAL_WARDEN "warden"         // below an instance: its guard
#define CORRAL_LEAF "agent"            // below a session: its processes
#define CORRAL_SUPERVISOR "supervisor" // below the root: the gateway itself, where it sat in the root

// Makes <root>/corral/<name>, locks it and labels it with this process's pid and `command`. The descriptor
// that holds the lock, or -errno and `error`: -EEXIST when the name is taken. On failure nothing is left but
// perhaps an empty <root>/corral.
//
// Creators and sweepers take turns by the lock of <root>/corral, so that no sweeper sees an instance that is
// made and not yet locked.
int corral_instance_make(const char *root, const char *name, const char *command, struct corral_error *error);

// Whether that failed because a creator or sweeper has its turn: try again. (mkdir(2) in a full cgroup is
// EAGAIN as well, which is the same number as EWOULDBLOCK.)
bool corral_instance_must_wait(const struct corral_error *error);

// Removes <root>/corral where no instance is left. It needs no lock: a creator that finds it gone makes it
// anew.
void corral_instance_remove_home(const char *root);

// Ends and removes an instance, with its v1 memory cgroups. As corral_collect().
int corral_instance_remove(const char *directory, const struct corral_end_plan *plan,
                           struct corral_error *error);

// Ends and removes every instance below `root` whose owner is dead. What cannot be had (a lock that somebody
// keeps, a process that outlives plan->kill_ms) is left for the next sweep.
void corral_instance_sweep(const char *root, const struct corral_end_plan *plan);

#endif
