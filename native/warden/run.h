// corral run: holds one command from start to end, in an instance of its own or by a subreaper.
#ifndef CORRAL_RUN_H
#define CORRAL_RUN_H

#include "run_plan.h"

// Ends as the command did, once everything that it started is gone: by its signal (plan->as_status, and
// the first process of a pid namespace: with 128+N), or with its status, which is returned.
int run(struct run_plan *plan);

// The same without a cgroup.
int run_subreaper(const struct run_plan *plan);

// Runs a command in a session without a cgroup that stands ready: the door of that is `door`, and its user
// `door_owner`. What corral.wrap() gives to spawn functions that belong to others. Ends as the command does,
// by its signal too.
int enter_subreaper(const struct run_plan *plan, const char *door, uid_t door_owner);

#endif
