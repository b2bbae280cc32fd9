// The starts of a holder's processes: each is under way until it is exec'ed, refused or cancelled, and
// nothing waits for that.
#ifndef CORRAL_STARTS_H
#define CORRAL_STARTS_H

#include "holder.h"

// Begins what a CORRAL_SPAWN asks for, or refuses it.
void take_spawn(struct holder *holder, uint32_t id, struct corral_fds *fds);

// Kills what is being started by that request, and refuses it with that errno.
void cancel_start(struct holder *holder, uint32_t id, int number);

// Tells of those that are over.
void take_starts(struct holder *holder);

// The same of the one whose process this is, which has ended.
void take_start_of(struct holder *holder, pid_t pid);

#endif
