// What every way of starting a process does before the clone and after it: spawn.c, which sleeps until the
// exec, and start.c, which does not.
#ifndef CORRAL_LAUNCH_H
#define CORRAL_LAUNCH_H

#include "spawn_child.h"

struct corral_launcher {
  struct corral_launch launch;
  int child_fds[CORRAL_MAX_STDIO];
  bool ours[CORRAL_MAX_STDIO]; // made here
  char login[12];              // the group's mark as a login uid
};

// Opens all that the child needs; `parent_fds` as of corral_spawn(). 0; or -errno and `error`, and nothing is
// open.
int corral_launcher_open(struct corral_launcher *launcher, const struct corral_spawn_plan *plan,
                         int *parent_fds, struct corral_error *error);

// Opens, as O_PATH, the cgroup below a group's directory in which its processes are: so instances that are
// opened in a session can be beside them, under its limits (cgroup v2 has processes only where no controller
// is on for what is below). What is no session's, or of an earlier release, has none: there it is the
// directory itself. The descriptor, or -1 and errno.
int corral_open_inside(int group_fd);

// Closes what the child needed.
void corral_launcher_close(struct corral_launcher *launcher);

// Whether the child has to move into its group: nothing can be created there.
bool corral_launch_moves(const struct corral_launch *launch);

// The child was made, and is at exec or has ended: 0, or -errno, `error`, and it is reaped.
int corral_launch_judge(const struct corral_launch *launch, int pidfd, struct corral_error *error);

// After an -ECANCELED of that: whether the kernel killed the child unborn (unborn.h), so that it can be
// started the other way.
bool corral_launch_unborn(const struct corral_launch *launch);

// Closes, and sets to -1.
void corral_close_fds(int *fds, size_t count);

#endif
