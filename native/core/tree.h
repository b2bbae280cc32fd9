// Walks over a cgroup and everything below it, including what the payload made there and tried to close to
// us.
#ifndef CORRAL_TREE_H
#define CORRAL_TREE_H

#include <stddef.h>
#include <sys/types.h>

#include "error.h"

// openat(2) that takes back a mode the payload took away (chmod 000 by the same user), then tries again.
int corral_open_forced(int directory_fd, const char *name, int flags);

// Calls visit(fd, context) for the directory and each one below it, parents first. `fd` is borrowed.
// Directories that vanish meanwhile are passed over. 0, -errno of opening the top (ENOENT: gone), or -ENOMEM.
int corral_walk(const char *path, void (*visit)(int directory_fd, void *context), void *context);
// The same of what is at `path` below a directory, as openat(2) takes it.
int corral_walk_at(int directory_fd, const char *path, void (*visit)(int directory_fd, void *context),
                   void *context);

// One pass of removal, bottom-up, with rmdir only: cgroupfs has no files that could be deleted.
// 0 when the directory is gone; -EBUSY when something in it still lives or is still being released (try
// again).
int corral_remove_tree(const char *path, struct corral_error *error);

#endif
