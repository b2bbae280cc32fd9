// The starts of a reaper's processes: each is under way until it is exec'ed, refused or cancelled, and
// nothing waits for that.
#ifndef CORRAL_STARTS_H
#define CORRAL_STARTS_H

#include "reaper_state.h"

// Begins what a CORRAL_SPAWN asks for, or refuses it.
void handle_spawn(struct reaper *reaper, uint32_t id, struct corral_fds *fds);

// Kills what is being started by that request, and refuses it with that errno.
void cancel_start(struct reaper *reaper, uint32_t id, int number);

// Tells of those that are over.
void finish_starts(struct reaper *reaper);

// The same of the one whose process this is, which has ended.
void finish_start_of(struct reaper *reaper, pid_t pid);

#endif
