// What an ending is to do, and how far it is: of a cgroup (end.h), and of what bears a mark or is below this
// process (reap.h).
#ifndef CORRAL_END_PLAN_H
#define CORRAL_END_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CORRAL_NAMES 16      // how many names of killed processes are kept
#define CORRAL_NAME_BYTES 16 // TASK_COMM_LEN

enum corral_end_state {
  CORRAL_DRAINING,
  CORRAL_ASKING,
  CORRAL_KILLING,
  CORRAL_LOOKING,
  CORRAL_EMPTY, // final only where the directory is to stay
  CORRAL_REMOVED,
  CORRAL_STUCK,
  CORRAL_FAILED,
};

struct corral_ledger;

struct corral_end_plan {
  int64_t drain_ms; // how long those may take at most that end by themselves, as calm.h tells; 0: no time
  int64_t grace_ms; // where that is 0: how long they may take after a signal; 0: they are killed at once
  int stop_signal;  // that signal; 0: SIGTERM
  int64_t kill_ms;  // bound on killing: what lives on after it (uninterruptible sleep) makes the end STUCK
  bool freeze;      // kill as where there is no cgroup.kill (before 5.14): freeze, SIGKILL each member, thaw,
                    // repeat
  bool remove;      // take the directory away, with all below it
  bool outside;     // end what was started in it and has been moved out, too
  const struct corral_ledger
      *ledger;   // gets a line for each session, before it is removed: collect.h; NULL: none
  int claim;     // the descriptor of a claim (lock.h) that tells how many are killed; 0: there is none
  int leader_fd; // for that: the pidfd of the process that it was made for, which outlives the end; -1: that
                 // is not known
};

#endif
