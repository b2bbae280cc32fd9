// The guard of an instance: ends and removes all of it when its owner is gone, milliseconds later and
// whatever the owner was doing, or when the owner says that it is over.
//
// It reaches all by descriptors that it opened before the first session was there, or that its owner handed
// down: whatever the sessions do to the modes and the mounts on the way, it finds them.
//
// It is there before the first directory of the instance is, so there is no moment in which the owner could
// die and leave one. Three processes take turns, of which one lives on:
//
//   the first   a child of the owner, in the owner's cgroup: waits until the instance stands
//   the guard   born in <instance>/warden, orphaned at once: out of the owner's process tree, its process
//   group
//               and its cgroup
//   the last    born in the owner's cgroup again, because no process can remove the cgroup that it lives in
#ifndef CORRAL_GUARD_H
#define CORRAL_GUARD_H

#include <stdbool.h>
#include <sys/types.h>

#include "../core/end.h"
#include "../core/path.h"

struct guard_plan {
  int lifeline;
  long long protocol; // of the owner
  pid_t owner;        // the parent of the first process
  struct corral_base root;
  int instance_fd; // the directory of the instance, where it stands already; -1: it does not
  const char *name;
  struct corral_end_plan end;
  bool no_clone3;
};

// Runs the first process, and so all of them. Never returns.
_Noreturn void guard(const struct guard_plan *plan);

#endif
