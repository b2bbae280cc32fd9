// A walk over a directory of a cgroup file system and all below it, whatever the payload made there: a step
// at a time, so that the caller can do something else in between, and with one descriptor however deep it
// is.
#ifndef CORRAL_TREE_H
#define CORRAL_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"
#include "path.h"

struct corral_tree {
  int fd;            // the directory that the walk is at; -1: it has not begun, or is over
  bool removes;      // takes away each directory below the top when it leaves it
  bool at_top;       // the next step is into the first directory
  bool passes;       // the next step is not into what is below; to be set by the caller
  const char *skips; // directories of this name are not entered; NULL: none are passed over
  off_t *resume;     // for each directory on the way down: where in it to go on
  size_t depth, capacity;
  char *names; // those of the directories on the way down, each ended by a NUL
  size_t used, room;
  int refused; // why the last directory that was left could not be removed; 0
};

// One that has not begun.
struct corral_tree corral_tree_none(void);

enum corral_tree_step {
  CORRAL_TREE_OVER,
  CORRAL_TREE_ENTERED, // `fd` is a directory that was not seen before
  CORRAL_TREE_LEFT,    // `fd` is one that was
};

// Begins at the top. 0, or -errno of opening it (-ENOENT: gone).
int corral_tree_begin(struct corral_tree *tree, const struct corral_path *top, bool removes);

// One step on, parents first. Directories that vanish meanwhile are passed over. A corral_tree_step, or
// -errno: -ENOMEM, or a way up that cannot be opened.
int corral_tree_step(struct corral_tree *tree);

// The name of the directory that the walk is at; not at the top.
const char *corral_tree_name(const struct corral_tree *tree);

// Lets go of all that it has, wherever it is.
void corral_tree_end(struct corral_tree *tree);

// Whether a directory has no other in it; false also where that cannot be read.
bool corral_is_lowest(int directory_fd);

// Removes a directory that has nothing in it any more. As corral_remove_entry().
int corral_remove_top(const struct corral_path *path);

// Removes the entry `name` of a directory, in which nothing is any more. 0; -EBUSY when it is in use, or
// another errno.
int corral_remove_entry(int parent_fd, const char *name);

// Removes a directory and all below it, bottom-up, with rmdir only: cgroupfs has no files that could be
// deleted. 0 when it is gone; -EBUSY when something in it still lives or is still being released (try again).
int corral_remove_tree(const struct corral_path *path, struct corral_error *error);

#endif
