// What a process to start is described by, as it comes from JavaScript (src/native/plan.ts): one block of
// fields, each ended by a NUL. flags (d: detached, n: no clone3, l: login mark, e: the environment follows,
// a: the command and its arguments do not, they are the reader's; u: urgent, addon/spawn_job.h; then perhaps
// a colon, and in decimal numbers with commas between what corral_spawn_plan has as ignored and blocked, and
// the pid in whose place variables are to hold its own, own_pid.h; then perhaps what schedule.h, attributes.h
// and credentials.h have), uid, gid, cwd, group, v1 memory group, command, and counted lists: argv, stdio,
// env; then the steps that make the group, four fields each: kind, path, value, name.
#ifndef CORRAL_PLAN_H
#define CORRAL_PLAN_H

#include <stddef.h>

#include "group.h"
#include "own_pid.h"
#include "spawn.h"

struct corral_plan {
  struct corral_spawn_plan spawn;
  struct corral_make_step *steps;
  size_t step_count;
  char *candidates; // the texts of spawn.candidates
  char own_pids[CORRAL_OWN_PIDS][CORRAL_OWN_PID_BYTES];
};

// Reads a block, which has to end with a NUL and to live as long as the plan: most of that points into it.
// `environment` and `words`, of a command, are for a block that has none. 0, or -ENOMEM, or -EINVAL for a
// block that cannot be.
int corral_plan_read(char *block, size_t size, char **environment, char **words, struct corral_plan *plan);

void corral_plan_free(struct corral_plan *plan);

#endif
