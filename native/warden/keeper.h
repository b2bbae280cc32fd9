// The keeper of an instance without cgroups: reaper.h has its place among the others.
#ifndef CORRAL_KEEPER_H
#define CORRAL_KEEPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct keeper_plan {
  int lifeline;
  pid_t owner;     // the gateway: our parent
  int64_t kill_ms; // bound on killing lost property, before it is said that it is left
  bool scan;       // find descendants as on kernels without CONFIG_PROC_CHILDREN
  // The lifeline of its only reaper, which stays in the terminal session and process group of the owner, as
  // what it starts then does; the keeper ends with it. -1: reapers are started when they are asked for.
  int reaper;
  // The door of the session that the only reaper joins; NULL: none. The keeper connects, which is what the
  // session believes of who joins it, and keeps the connection too: so it ends when both are gone, when
  // nothing is held any more.
  const char *door;
  uid_t door_owner; // whose that has to be
  char **words;     // of the command that it is asked for
};

// Runs a keeper. Never returns.
_Noreturn void run_keeper(const struct keeper_plan *plan);

#endif
