// The owner's side of a keeper and its reaper, for an owner that is this program itself (run_subreaper.c). A
// gateway's is src/backend/subreaper.
#ifndef CORRAL_SUBREAPER_CLIENT_H
#define CORRAL_SUBREAPER_CLIENT_H

#include <sys/types.h>

#include "keeper.h"
#include "run_plan.h"

struct subreaper_client {
  int keeper, reaper;             // our ends of the lifelines
  int keeper_pidfd, reaper_pidfd; // -1 before it has said that it is there
  pid_t reaper_pid;
  int64_t mark; // of the session (native/core/mark.h); 0: it has none
};

// Starts a keeper and its reaper; plan.lifeline, plan.owner and plan.reaper are filled in here. 0 once both
// are ready, or -errno and `error`, and whatever was started ends.
int subreaper_client_start(struct keeper_plan plan, struct subreaper_client *held,
                           struct corral_error *error);

// Gives the reaper what it is to show of the session. 0, or -errno.
int subreaper_client_label(const struct subreaper_client *held, const char *text);

// Gives the reaper the words of the session's line, for the case that we are gone before it is written; NULL:
// it is written. 0, or -errno.
int subreaper_client_record(const struct subreaper_client *held, const char *words);

// Asks the reaper for the command. 0, or -errno.
int subreaper_client_spawn(const struct subreaper_client *held, uint32_t id, const struct run_plan *plan);

// Has it give that up.
void subreaper_client_cancel(const struct subreaper_client *held, uint32_t id);

// Has the reaper end all; a second call shortens the first.
void subreaper_client_end(const struct subreaper_client *held, const struct corral_end_plan *plan);

// Closes everything: keeper and reaper, if they live, take us for dead.
void subreaper_client_drop(struct subreaper_client *held);

#endif
