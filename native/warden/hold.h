// Sessions without cgroups, by PR_SET_CHILD_SUBREAPER (prctl(2)): whoever loses his parent comes to the
// nearest subreaper above him, so nobody can leave what is below one by forking. Three kinds of process:
//
//   gateway   has a lifeline, a SOCK_SEQPACKET pair, to each of the others (native/core/message.h)
//   keeper    one an instance, out of the gateway's process tree; a subreaper; parent of the holders. What
//             else comes to be its child was lost by a holder that was killed, and is killed
//   holder    one a session; a subreaper; starts all processes of the session, and ends all below it when it
//             is told to, or when the gateway is gone
//
// A command that somebody else starts (corral.wrap()) has a keeper and a holder of its own, of which the
// process that others see is the owner: what is started has to stay in the terminal session of that. This
// holder joins the session by its door, and is ended with it.
#ifndef CORRAL_HOLD_H
#define CORRAL_HOLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../core/message.h"

struct keep_plan {
  int lifeline;
  pid_t owner;     // the gateway: our parent
  int64_t kill_ms; // bound on killing lost property, before it is said that it is left
  bool scan;       // find descendants as on kernels without CONFIG_PROC_CHILDREN
  // The lifeline of its only holder, which stays in the terminal session and process group of the owner, as
  // what it starts then does; the keeper ends with it. -1: holders are started when they are asked for.
  int holder;
  // The door of the session that the only holder joins; NULL: none. The keeper connects, which is what the
  // session believes of who joins it, and keeps the connection too: so it ends when both are gone, when
  // nothing is held any more.
  const char *door;
};

// Runs a keeper. Never returns.
_Noreturn void keep(const struct keep_plan *plan);

struct hold_plan {
  int lifeline;
  int owner;     // pidfd
  bool scan;     // as of the keeper's
  bool in_place; // as of ears.h
  int host;      // the connection to the session that it joins; -1: none
};

// Runs a holder, in a child of the keeper's. Never returns.
_Noreturn void hold(const struct hold_plan *plan);

#endif
