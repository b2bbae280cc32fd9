// Sessions without cgroups, by PR_SET_CHILD_SUBREAPER (prctl(2)): a process that loses its parent comes to
// the nearest subreaper above it, so none can leave what is below one by forking. Three kinds of process:
//
//   gateway   has a lifeline, a SOCK_SEQPACKET pair, to each of the others (native/core/message.h)
//   keeper    one an instance, out of the gateway's process tree; a subreaper; parent of the reapers. What
//             else comes to be its child was lost by a reaper that was killed, and is killed
//   reaper    one a session; a subreaper; starts all processes of the session, and ends all below it when it
//             is told to, or when the gateway is gone
//
// A command that somebody else starts (corral.wrap()) has a keeper and a reaper of its own, of which the
// process that others see is the owner: what is started has to stay in the terminal session of that. This
// reaper joins the session by its door, and is ended with it.
#ifndef CORRAL_REAPER_H
#define CORRAL_REAPER_H

#include <stdbool.h>

struct reaper_plan {
  int lifeline;
  int owner;     // pidfd
  bool scan;     // as of the keeper's
  bool in_place; // as of poll_set.h
  int host;      // the connection to the session that it joins; -1: none
  char **words;  // of the command that its owner is asked to run, where a plan has none; NULL: none
};

// Runs a reaper, in a child of the keeper's. Never returns.
_Noreturn void run_reaper(const struct reaper_plan *plan);

#endif
