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
  CORRAL_ASKING,
  CORRAL_KILLING,
  CORRAL_LOOKING,
  CORRAL_EMPTY, // final only where the directory is to stay
  CORRAL_REMOVED,
  CORRAL_STUCK,
  CORRAL_FAILED,
};

struct corral_end_plan {
  int64_t grace_ms; // how long the members may take after SIGTERM; 0: they are killed at once
  int64_t kill_ms;  // bound on killing: what lives on after it (uninterruptible sleep) makes the end STUCK
  bool freeze;      // kill as where there is no cgroup.kill (before 5.14): freeze, SIGKILL each member, thaw,
                    // repeat
  bool remove;      // take the directory away, with all below it
  bool outside;     // end what was started in it and has been moved out, too
  int leader_fd; // for that: the pidfd of the process that it was made for, which outlives the end; -1: that
                 // is not known
};

#endif
