#define _GNU_SOURCE
#include "haste.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

// Most of the CPU: for root, or with RLIMIT_NICE.
#define NICE (-20)
// For anybody, since Linux 6.12: who asks for short turns (0.1 ms are the least) gets no more of the CPU, but
// has it sooner. Before that it says nothing.
#define TURN_NS 100000

struct corral_turn corral_hasten(void) {
  struct corral_turn before = {0};
  if (syscall(SYS_sched_getattr, 0, &before, sizeof before, 0) < 0)
    before.size = 0;
  struct corral_turn first = before;
  if (!before.size || (before.policy != SCHED_OTHER && before.policy != SCHED_BATCH))
    return before; // others have turns that are not ours to change
  first.runtime_ns = TURN_NS;
  first.nice = NICE;
  if (syscall(SYS_sched_setattr, 0, &first, 0) == 0)
    return before;
  first.nice = before.nice;
  (void)syscall(SYS_sched_setattr, 0, &first, 0);
  return before;
}

void corral_unhasten(const struct corral_turn *before) {
  if (before->size)
    (void)syscall(SYS_sched_setattr, 0, before, 0);
}
