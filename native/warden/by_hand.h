// `corral-warden run` and `enter --door` by hand, without Node: makes of their options the block that
// `corral run` hands over (run_plan.h).
#ifndef CORRAL_BY_HAND_H
#define CORRAL_BY_HAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../core/ledger.h"

#define MAX_SETTINGS 64

#define NOT_GIVEN (~0ULL)

// What a program had changed before it became this one, as it was before; NOT_GIVEN: it is as it was.
struct given {
  uint64_t ignored, blocked; // signals: bit N - 1 is signal N
  uint64_t open_files;       // the soft limit
};

struct by_hand {
  struct given given;
  const char *root;   // NULL: a reaper is to hold the command
  const char *family; // below sessions/: one directory name for each key, from the eldest parent down; NULL:
                      // one of its own
  struct {
    const char *kind, *file, *value; // of a step of core/plan.h: "write", "memory.max", "1073741824"
  } settings[MAX_SETTINGS];
  struct {
    const char *name, *key; // a directory of `family`, and the key that is too long to be read from its name
  } keys[MAX_SETTINGS];
  size_t setting_count, key_count;
  int64_t grace_ms, drain_ms, kill_ms, start_ms, life_ms;
  bool freeze, no_clone3, as_status, scan;
  struct corral_ledger ledger;
  char **command;
};

// A block that lives as long as the program; NULL, with errno. Notes what the command inherits, which has to
// be done before anything of it is changed.
char *by_hand_block(const struct by_hand *given, size_t *size);

// Gives this very process that back, before it becomes the command.
void given_restore(const struct given *given);

#endif
