#define _GNU_SOURCE
#include "priority.h"

#include <sched.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

// Most of the CPU, but only of what its terminal session has (autogroups, sched(7)): for root, or with
// RLIMIT_NICE.
#define NICE (-20)
// For anybody, since Linux 6.12: who asks for short turns (0.1 ms are the least) gets no more of the CPU, but
// has it sooner. Before that it says nothing.
#define RUNTIME_NS 100000

static bool set_priority(const struct corral_priority *priority) {
  return syscall(SYS_sched_setattr, 0, priority, 0) == 0;
}

struct corral_priority corral_raise_priority(void) {
  const struct corral_priority unchanged = {0};
  struct corral_priority before = {0};
  if (syscall(SYS_sched_getattr, 0, &before, sizeof before, 0) < 0)
    return unchanged;
  if (before.policy != SCHED_OTHER && before.policy != SCHED_BATCH)
    return unchanged; // others have turns that are not ours to change
  if (before.nice == NICE)
    return unchanged;
  struct corral_priority first = before;
  first.runtime_ns = RUNTIME_NS;
  first.nice = NICE;
  if (set_priority(&first))
    return before;
  first.nice = before.nice;
  return before.runtime_ns != RUNTIME_NS && set_priority(&first) ? before : unchanged;
}

void corral_restore_priority(const struct corral_priority *before) {
  if (before->size)
    (void)set_priority(before);
}
