// What a process has that its children inherit (fork(2), execve(2)) and that it may change later: its file
// mode creation mask, its limits on resources, its readiness to be killed where memory runs out. Who is
// started by another process than it was asked of has to be given those of the asking one.
#ifndef CORRAL_ATTRIBUTES_H
#define CORRAL_ATTRIBUTES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#define CORRAL_ATTRIBUTES_TEXT 640 // more than a whole one takes

struct corral_limit { // struct rlimit64
  uint64_t soft, hard;
};

struct corral_attributes {
  bool given;
  int mask;                                 // umask(2); -1: not known
  int oom_score_adj;                        // proc_pid_oom_score_adj(5)
  struct corral_limit limits[RLIM_NLIMITS]; // but RLIMIT_LOCKS, which is the session's mark (mark.h)
};

// The calling process's.
void corral_attributes_get(struct corral_attributes *attributes);

// As text for the flags of a plan (plan.h): '%' and numbers with commas between, without small letters.
void corral_attributes_write(const struct corral_attributes *attributes, char text[CORRAL_ATTRIBUTES_TEXT]);

// What such flags say; `given` is false where they say nothing.
void corral_attributes_read(const char *flags, struct corral_attributes *attributes);

// Gives them to the calling process, as far as that may have them. By system calls alone: for between clone
// and exec, once its descriptors are in their places: these may have numbers that it cannot have any more.
void corral_attributes_set(const struct corral_attributes *attributes);

#endif
