// Makes cgroups as a transaction: all directories, values and labels, or nothing.
#ifndef CORRAL_GROUP_H
#define CORRAL_GROUP_H

#include <stddef.h>

#include "error.h"

enum corral_make_kind {
  CORRAL_MAKE_NEW,    // mkdir; a directory that exists is an error (EEXIST)
  CORRAL_MAKE_SHARED, // mkdir; a directory that exists is used, and never rolled back
  CORRAL_WRITE,       // write `value` into the file `path`
  CORRAL_LABEL,       // set the extended attribute `name` of the directory `path` to `value`
};

struct corral_make_step {
  enum corral_make_kind kind;
  const char *path;
  const char *name;  // of a label
  const char *value; // of a write or label
};

// Does the steps in order. 0, or -errno and `error`, and the directories that this call made are gone again.
int corral_make(const struct corral_make_step *steps, size_t count, struct corral_error *error);

#endif
