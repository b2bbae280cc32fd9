// From a root to a group in which a command is being started: an instance of our own, its guard, the group,
// its limits, the command.
#ifndef CORRAL_PREPARE_H
#define CORRAL_PREPARE_H

#include <limits.h>

#include "../core/start.h"
#include "monitor.h"
#include "owner.h"

#define MAX_SETTINGS 64

struct setting {
  const char *file, *value; // of the group: "memory.max", "1073741824"
  bool optional;            // nothing is done where there is no such file
  bool in_memory;           // of the group's v1 memory cgroup instead
};

struct key {
  const char *name, *key; // a directory of `family`, and the key that is too long to be read from its name
};

struct preparation {
  struct run_plan run;
  struct corral_base root;
  const char *family; // below sessions/: one directory name for each key, from the eldest parent down; NULL:
                      // one of its own
  struct setting settings[MAX_SETTINGS];
  struct key keys[MAX_SETTINGS];
  size_t setting_count, key_count;
  const char *memory_group; // the v1 memory cgroup to make this instance's in; NULL: none is needed
  bool no_clone3;
};

struct prepared {
  struct guard_plan guard_plan;
  struct guarded guard;
  int lock;            // of the instance
  int instance_fd;     // its directory, without the lock: for guards
  char name[16];       // of the instance
  char own_family[24]; // where the plan has none
  const char *family;
  char instance[PATH_MAX], group[PATH_MAX];
  struct corral_path session; // that of the group, held open
  char memory_home[PATH_MAX]; // the instance's v1 memory cgroups are in here; empty: it has none
  const char *memory_group;   // that of the group
  struct corral_start start;  // of the command
};

// 0, or the exit status, and it was said why; then nothing is left.
int prepare(const struct preparation *plan, struct prepared *prepared);

// Removes the instance, which is empty, by its guard or, where that is dead, by ourselves. 0 or the exit
// status.
int unprepare(const struct preparation *plan, struct prepared *prepared);

#endif
