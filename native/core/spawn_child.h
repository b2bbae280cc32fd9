// The child's side of a spawn: from its first instruction to exec. Raw system calls only, all signals
// blocked, no allocation, no locks: it may run on the memory of a process with many threads.
#ifndef CORRAL_SPAWN_CHILD_H
#define CORRAL_SPAWN_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "spawn.h"

#define CORRAL_MAX_STDIO 256

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE (1U << 1)
#endif
#define CORRAL_KERNEL_SIGSET_BYTES 8

// What the child needs, in memory that it sees.
struct corral_launch {
  const struct corral_spawn_plan *plan;
  int group_fd;         // O_PATH directory, or -1
  const char *login;    // its mark as a login uid; NULL: none
  int64_t mark;         // that of the group (mark.h); 0: none
  int memory_fd;        // the same, of the v1 memory cgroup
  bool move_into_group; // the child joins the group by itself: it was not created there
  bool unkillable;      // and is not to be: the child makes itself killable (children.h)
  bool shares_fds;      // the child begins with our table of descriptors (CLONE_FILES), and copies it
  unsigned unneeded_fd; // from here on it needs none of them
  const int *child_fds; // what becomes descriptor 0 … stdio_count-1
  int done_fd;          // kept open up to exec, so that its other end tells of that; -1: nobody waits by it
  volatile struct corral_outcome *outcome; // in memory that both see
};

// Runs the plan. Returns only where that failed: with the status to exit with.
int corral_child(void *launch);

#endif
