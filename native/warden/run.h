// corral run: holds one command from start to end, in an instance of its own or by a subreaper.
#ifndef CORRAL_RUN_H
#define CORRAL_RUN_H

#include "prepare.h"

// Ends as the command did, once everything that it started is gone: by its signal (plan->run.as_status, and
// the first process of a pid namespace: with 128+N), or with its status, which is returned.
// plan->run.end.grace_ms is what its processes may take after a SIGTERM to us.
int run(const struct preparation *plan);

struct subreaper_run {
  struct run_plan run;
  bool scan;          // as of reaper.h
  const char *labels; // what is shown of the session; NULL: nothing
  const char *record; // the words of its line in a ledger (record.h); NULL: none is wanted
  uid_t door_owner;   // whose the session is that is joined
};

// The same without a cgroup.
int run_subreaper(const struct subreaper_run *plan);

// Runs a command in a session without a cgroup that stands ready: the door of that is `door`. What
// corral.wrap() gives to spawn functions that belong to others. Ends as the command does, by its signal too.
int enter_subreaper(const struct subreaper_run *plan, const char *door);

#endif
