// Starts a program without waiting for it: corral_spawn() for programs without threads and with little
// memory, which have other things to hear of meanwhile. The child is a plain fork, so that nothing of ours
// sleeps with one that hangs.
#ifndef CORRAL_START_H
#define CORRAL_START_H

#include "launch.h"

struct corral_start {
  struct corral_launcher launcher;
  struct corral_spawned spawned;
  int done_fd; // POLLHUP: it was exec'ed, or has ended
};

// Begins. The plan, and the descriptors that it names, are needed up to the end of the start; `parent_fds` as
// of corral_spawn(). 0; or -errno and `error`, and nothing is left.
int corral_start_begin(struct corral_start *start, const struct corral_spawn_plan *plan, int *parent_fds,
                       struct corral_error *error);

// Once done_fd tells. 0: it was exec'ed, and `spawned` is the caller's; -EINPROGRESS: it was begun anew, and
// there is another done_fd; else -errno and `error`, and nothing is left but the caller's ends of its stdio.
// Closes done_fd.
int corral_start_finish(struct corral_start *start, struct corral_error *error);

// Gives up on one that does not finish: kills the child, and fills `error` with `number` and what that was
// at. It is the caller's to reap, if it can be killed.
void corral_start_abandon(struct corral_start *start, int number, struct corral_error *error);

#endif
