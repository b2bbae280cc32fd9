// The descendants of this process, found by their parents, where there is no cgroup to list them. A
// descendant that lives is below us through parents that live (one that loses its parent comes to the nearest
// subreaper above, which is one of them, or we), so looking from parent to child misses nobody for long.
#ifndef CORRAL_DESCENDANTS_H
#define CORRAL_DESCENDANTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "members.h"

// What /proc/PID/stat says, proc_pid_stat(5).
struct corral_process {
  pid_t pid, parent;
  int64_t threads;
  bool lives;   // a process whose first thread has ended is a zombie that lives on in the others
  bool exiting; // its first thread is about to end: it starts nothing any more
  char name[16];
  int64_t cpu_user_ms, cpu_system_ms;               // its own
  int64_t reaped_cpu_user_ms, reaped_cpu_system_ms; // of the children that it has reaped, and of theirs
};

// False when there is no such process (any more).
bool corral_process_read(pid_t pid, struct corral_process *process);

// Calls `see` for each number that a directory of /proc lists, as long as it gives 0. What it gave last, or
// -errno.
int corral_each_number(const char *directory, int (*see)(void *context, pid_t number), void *context);

struct corral_marked;

struct corral_walk {
  const struct corral_members *spare; // children of ours that are passed over with all below them, or NULL
  bool scan;                          // as on kernels without CONFIG_PROC_CHILDREN: look at all of /proc
  const struct corral_marked *marked; // not descendants, but these (mark.h); NULL: descendants
  // Called for each living descendant, a parent before its children. `pidfd` is borrowed, and cannot mean
  // anybody but that descendant.
  void (*visit)(void *context, const struct corral_process *process, int pidfd);
  void *context;
};

// Visits all living descendants of this process. One that is born meanwhile, or loses its parent, may be
// missed: a caller that needs all walks again. 0, or -errno: -ENOENT where /proc is not mounted.
int corral_walk_descendants(const struct corral_walk *walk);

// Stops our children, but those spared: one system call each, so it is done before they have had their next
// turn. None of them may be reaped meanwhile. Gives how many children there are, zombies too; 0 where they
// are not listed.
size_t corral_stop_children(const struct corral_members *spare, bool scan);

// Whether no descendant of ours lives, but those spared and what is below them. Zombies may be left: one that
// is traced is reaped when its tracer is gone. Misses nobody. 1, 0 or -errno.
int corral_childless(const struct corral_members *spare, bool scan);

// The pids of the children of a process, added to those that are there; for what tolerates that some are
// missing or wrong.
int corral_children_of(pid_t parent, int64_t threads, struct corral_members *children);

// The pids of the living descendants of any process, for what tolerates that some are missing or wrong.
int corral_descendants_of(pid_t pid, struct corral_members *descendants);

#endif
