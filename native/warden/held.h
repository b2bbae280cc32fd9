// The owner's side of a keeper and its holder, for an owner that is this program itself (run_held.c). A
// gateway's is src/backend/subreaper.
#ifndef CORRAL_HELD_H
#define CORRAL_HELD_H

#include <sys/types.h>

#include "hold.h"
#include "inherited.h"

struct held {
  int keeper, holder;             // our ends of the lifelines
  int keeper_pidfd, holder_pidfd; // -1 before it has said that it is there
  pid_t holder_pid;
  int64_t mark; // of the session (native/core/mark.h); 0: it has none
};

// Starts a keeper and its holder; plan.lifeline, plan.owner and plan.holder are filled in here. 0 once both
// are ready, or -errno and `error`, and whatever was started ends.
int held_start(struct keep_plan plan, struct held *held, struct corral_error *error);

// Gives the holder what it is to show of the session. 0, or -errno.
int held_label(const struct held *held, const char *text);

// Asks the holder for `command`, with our environment, standard descriptors, and what we inherited. 0, or
// -errno.
int held_spawn(const struct held *held, uint32_t id, const struct inherited *inherited, char **command);

// Has it give that up.
void held_cancel(const struct held *held, uint32_t id);

// Has the holder end all; a second call hastens the first.
void held_end(const struct held *held, const struct corral_end_plan *plan);

// Closes everything: keeper and holder, if they live, take us for dead.
void held_drop(struct held *held);

#endif
