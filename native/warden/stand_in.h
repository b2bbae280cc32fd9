// What `corral run` is to those around it, whatever holds its command: takes signals for it, knows who
// started it, and says how it ended.
#ifndef CORRAL_STAND_IN_H
#define CORRAL_STAND_IN_H

#include "../core/error.h"
#include "../core/pidfd.h"

// Signals wait for us in a descriptor, from now on, also those that come before there is a command. Not those
// by which a terminal stops its foreground job: the default, that we stop with the command, is what a shell
// expects.
int take_signals(void);

// The pidfd of our parent, unless it ends while we ask; -1 where we cannot see it (another pid namespace).
int open_parent(void);

// Whoever reads the command's output must see its end when the command closes it, and not wait for ours.
void let_go_of_output(void);

// Says why the command cannot be started. The exit status.
int tell_refused(const char *command, const struct corral_error *error);

// The exit status that tells how the command ended.
int status_of(const struct corral_exit *ended);

#endif
