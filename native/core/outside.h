// The second net behind a cgroup: who was started in it, and lives, although the kernel says that nobody is
// in it any more. systemd-logind moves what `su -` starts, tmux its panes, a container runtime its container
// (docs/escape.md). Found by the marks of the group and of all below it (mark.h), and by the pidfd of its
// leader; then ended as the group was (reap.h).
//
//   LOOKING --a pass--> NOBODY
//      |  \--who was in the group is about to end--> DYING --> NOBODY
//      \--somebody--> ENDING --> NOBODY, LEFT
#ifndef CORRAL_OUTSIDE_H
#define CORRAL_OUTSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "mark.h"
#include "reap.h"

#define CORRAL_MOVED 16 // of how many it is told

enum corral_outside_state {
  CORRAL_OUTSIDE_LOOKING, // a pass is wanted: corral_outside_judge()
  CORRAL_OUTSIDE_DYING,
  CORRAL_OUTSIDE_ENDING,
  CORRAL_OUTSIDE_NOBODY,
  CORRAL_OUTSIDE_LEFT, // somebody outlived the bound, or is another instance's to end: `left`
};

struct corral_moved {
  pid_t pid;
  char name[16];
  char cgroup[256]; // where it was found, or empty
};

struct corral_outside {
  enum corral_outside_state state;
  struct corral_marked marked;
  struct corral_end_plan plan;
  int64_t grace_until_ms, deadline_ms, tick_ms;
  unsigned missed;             // passes that may have missed somebody
  struct corral_members dying; // who is about to end, of the last pass
  struct corral_moved *moved;  // the first CORRAL_MOVED
  size_t moved_count;
  bool reaps; // `reap` was begun
  struct corral_reap reap;
  struct corral_members left;
};

// Begins. `leader_fd` is the pidfd of the leader, or -1; it has to outlive this, as has `instance`, the path
// of the group. `plan` is that of the group's ending, which began with its grace until `grace_until_ms`.
void corral_outside_begin(struct corral_outside *outside, const struct corral_end_plan *plan,
                          const char *instance, int64_t grace_until_ms, int64_t now_ms);

// What was born in this group is meant, too. 0 or -ENOMEM.
int corral_outside_add(struct corral_outside *outside, int group_fd);

// After a pass that began when the group was empty already. `bearers` are of that, sorted.
void corral_outside_judge(struct corral_outside *outside, const struct corral_bearers *bearers,
                          int64_t now_ms);

// Does what is due. How many ms to wait before the next step; 0 also where a pass is wanted; -1 when the
// state is final. Where it is ENDING a step can take as long as a pass, and they are all for the same thread.
int64_t corral_outside_step(struct corral_outside *outside, int64_t now_ms);

void corral_outside_hasten(struct corral_outside *outside, int64_t grace_ms, int64_t now_ms);

void corral_outside_finish(struct corral_outside *outside);

#endif
