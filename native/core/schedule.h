// When a thread runs, and on which CPUs: its nice value, its scheduling policy, its CPU affinity and its
// priority for I/O. Linux has these of each thread, and a child gets those of the thread that makes it; so
// who is started by another thread or process than it was asked of has to be given those of the asking one.
#ifndef CORRAL_SCHEDULE_H
#define CORRAL_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>

#define CORRAL_CPU_WORDS 128      // 8,192 CPUs: as many as kernels can have
#define CORRAL_SCHEDULE_TEXT 2200 // more than a whole one takes

struct corral_schedule {
  bool given;
  int policy, realtime, nice, io;
  size_t cpu_words;
  unsigned long cpus[CORRAL_CPU_WORDS];
};

// The calling thread's.
void corral_schedule_get(struct corral_schedule *schedule);

// As text for the flags of a plan (plan.h): '@' and numbers with commas between, without small letters.
void corral_schedule_write(const struct corral_schedule *schedule, char text[CORRAL_SCHEDULE_TEXT]);

// What such flags say; `given` is false where they say nothing.
void corral_schedule_read(const char *flags, struct corral_schedule *schedule);

// Gives it to the calling thread, as far as that may have it. By system calls alone: for between clone and
// exec.
void corral_schedule_set(const struct corral_schedule *schedule);

#endif
