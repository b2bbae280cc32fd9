// fork(2) whose child begins in another cgroup: for programs without threads.
#ifndef CORRAL_FORK_H
#define CORRAL_FORK_H

#include <stdbool.h>
#include <sys/types.h>

// As fork(2), with the child created in the cgroup of the O_PATH descriptor `group_fd`, or, where clone3 is
// not available or what it creates there is killed unborn (unborn.h), moved there before it goes on. In the
// parent the child's pid, or -errno and no child: ENOENT or ENODEV when the group is gone, EACCES when the
// common ancestor is not ours to write, EBUSY when it gives controllers to its children.
pid_t corral_fork_into(int group_fd, bool no_clone3);

#endif
