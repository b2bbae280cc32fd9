// From a root to a group in which a command is being started: an instance of our own, its guard, the group,
// its limits, the command.
#ifndef CORRAL_PREPARE_H
#define CORRAL_PREPARE_H

#include <limits.h>

#include "../core/start.h"
#include "owner.h"
#include "run_plan.h"

struct prepared {
  struct corral_base root;
  struct guard_plan guard_plan;
  struct guarded guard;
  int lock;        // of the instance
  int instance_fd; // its directory, without the lock: for guards
  char instance[PATH_MAX];
  struct corral_path session; // that of the group, held open
  struct corral_start start;  // of the command
};

// 0, or the exit status, and it was said why; then nothing is left.
int prepare(struct run_plan *plan, struct corral_base root, struct prepared *prepared);

// Removes the instance, which is empty, by its guard or, where that is dead, by ourselves. 0 or the exit
// status.
int unprepare(const struct run_plan *plan, struct prepared *prepared);

#endif
