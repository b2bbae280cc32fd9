// Makes cgroups as a transaction: all directories, values and labels, or nothing.
#ifndef CORRAL_GROUP_H
#define CORRAL_GROUP_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "path.h"

enum corral_make_kind {
  CORRAL_MAKE_NEW,    // mkdir; a directory that exists is an error (EEXIST)
  CORRAL_MAKE_SHARED, // mkdir; a directory that exists is used, and never rolled back
  CORRAL_WRITE,       // write `value` into the file `path`, and read it back: see corral_make()
  CORRAL_TRY_WRITE,   // the same, unless there is no such file
  CORRAL_LABEL,       // set the extended attribute `name` of the directory `path` to `value`
};

struct corral_make_step {
  enum corral_make_kind kind;
  const char *path;
  const char *name;  // of a label; of a write that may be left out: what people call it, or ""
  const char *value; // of a write or label
  bool made;         // out: this call made the directory
  bool left_out;     // out: there is no such file
};

// Does the steps in order, from the base where their paths are below that. A written number that the kernel
// then holds higher than it was asked to (or as "max") is an error, ERANGE: several tools drop a limit so
// without a word. It may hold it lower: memory limits are whole pages. 0, or -errno and `error`, and the
// directories that this call made are gone again.
int corral_make(const struct corral_base *base, struct corral_make_step *steps, size_t count,
                struct corral_error *error);

// Takes the directories away again that corral_make() made, where nothing is in them.
void corral_unmake(const struct corral_base *base, const struct corral_make_step *steps, size_t count);

#endif
