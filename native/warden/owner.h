// The owner's side of a guard, for an owner that is this program itself (run.c). A gateway's is
// src/backend/cgroup/guard.ts.
#ifndef CORRAL_OWNER_H
#define CORRAL_OWNER_H

#include "guard.h"

struct guarded {
  int lifeline; // our end of it; -1: there is no guard
  pid_t first;  // the guard's first process, a child of ours until it has moved in
};

// Starts a guard; plan.lifeline and plan.owner are filled in here. 0 once it is ready, or -errno.
int guard_start(struct guard_plan plan, struct guarded *guarded);

// The instance stands. 0 once the guard is out of our process tree, or -errno, and there is no guard.
int guard_move_in(struct guarded *guarded);

// Has the guard end and remove the instance, and waits until it has, `wait_ms` at most. False when it has
// not.
bool guard_over(struct guarded *guarded, int64_t wait_ms);

// Closes the lifeline: the guard, if it lives, takes us for dead.
void guard_drop(struct guarded *guarded);

#endif
