// How one thread comes before others that share its CPUs with it: for who looks for those that go on forking.
#ifndef CORRAL_PRIORITY_H
#define CORRAL_PRIORITY_H

#include <stdint.h>

// struct sched_attr in its first form, sched_setattr(2): libc has it since glibc 2.41 only.
struct corral_priority {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime_ns, deadline_ns, period_ns;
};

// The calling thread goes first as far as this user may. Gives how it was before, for
// corral_restore_priority() in the same thread or its child; with size 0 where nothing was changed, because
// it is first already or may not be.
struct corral_priority corral_raise_priority(void);
void corral_restore_priority(const struct corral_priority *before);

#endif
