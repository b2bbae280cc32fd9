// What `corral run` is to those around it, whatever holds its command: takes signals for it, knows who
// started it, stops when it stops, and ends as it ended.
#ifndef CORRAL_MONITOR_H
#define CORRAL_MONITOR_H

#include <stdbool.h>
#include <sys/signalfd.h>

#include "../core/error.h"
#include "../core/pidfd.h"

// Signals wait for us in a descriptor, from now on, also those that come before there is a command.
int open_signals(void);

// Whether the command has it already: the terminal's kernel side sends to the whole foreground group. A timer
// that was set before we were exec'ed (alarm(2)) is ours alone.
bool is_of_terminal(const struct signalfd_siginfo *signal);

// The pidfd of our parent, unless it ends while we ask; -1 where we cannot see it (another pid namespace).
int open_parent(void);

// The process that reads the command's output must see its end when the command closes it, and not wait for
// ours.
void let_go_of_output(void);

// Says why the command cannot be started. The exit status.
int log_refused(const char *command, const struct corral_error *error);

// Stops as the command did by a terminal's job control, until somebody continues us. Not with SIGSTOP, by
// which endings hold still what they kill: the process that asks us to end must not find us stopped for that.
void stop_as(int signal);

// Ends as the command did, for the process that waits for us instead of it, without a core file of ours: by
// its signal, or returns the exit status. `as_status`: 128+N instead of the signal; a process with pid 1 can
// do no other.
int end_as(const struct corral_exit *ended, bool as_status);

#endif
