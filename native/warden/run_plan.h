// What `corral run` is to do, as one block: src/backend/launch.ts makes it, or by_hand.c. Fields, each ended
// by a NUL: flags (f: end by freezing; p: look for descendants in all of /proc; s: the signal that ends the
// command is told as a status; l: its ledger has arguments; u: what the session used is said at its end), the
// bounds in ms on grace, drain, kill, start and life, the cap on memory, the root (empty: a reaper holds the
// command), the name of the instance in it, and what is shown of the owner (its command line; of a reaper:
// the labels of its session), the ledger, and of a reaper the words of the line in it (core/record.h). Then
// how the command is started, and the steps that make its group: core/plan.h. Its words are those of our own
// command line.
#ifndef CORRAL_RUN_PLAN_H
#define CORRAL_RUN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../core/end_plan.h"
#include "../core/ledger.h"
#include "../core/plan.h"

struct run_plan {
  struct corral_end_plan end; // its grace_ms is what processes may take after a SIGTERM to us
  int64_t start_ms;           // bound on the time up to the command's exec
  int64_t life_ms;            // how long the command may run; 0: as long as it likes
  int64_t memory_cap;         // bytes at which all is ended where the kernel holds no cap; 0: none
  bool as_status;             // end with 128 + N, and not by the signal that ended the command
  bool sums_up;               // say at the end what the session used
  bool scan;                  // as of reaper.h
  const char *root, *instance, *shown, *record;
  struct corral_ledger ledger; // that of `end`, where there is one
  char **words;                // of the command
  struct corral_plan process;
  const char *process_block; // the part of the block that has it, for a reaper
  size_t process_size;
};

// Reads a block, which has to live as long as the plan, for a command of these words; its environment is
// ours. 0, or -ENOMEM, or -EINVAL.
int run_plan_read(char *block, size_t size, char **words, struct run_plan *plan);

// The same of a block in a pipe, which is closed.
int run_plan_receive(int pipe, char **words, struct run_plan *plan);

// The command has its descriptors, or never will: a process that waits for their ends must not wait for ours.
void run_plan_drop_descriptors(const struct run_plan *plan);

#endif
