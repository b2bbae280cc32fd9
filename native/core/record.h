// What a ledger has of a session that has ended: a line of JSON. docs/ledger.md describes its fields.
#ifndef CORRAL_RECORD_H
#define CORRAL_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "end_plan.h"
#include "json.h"
#include "ledger.h"
#include "path.h"
#include "usage.h"

#define CORRAL_RECORD_VERSION 1

// NULL, negative and (of `exit_signal`) 0: not known.
struct corral_record {
  const char *writer; // library, run, guard, keeper, sweep
  const char *mechanism;
  const char *instance;
  const char *id; // what no other session of this boot has
  const char *key, *parent;
  const char *command;      // the program's name alone
  const char *command_line; // with arguments, where these are asked for; cut off where long
  const char *reason;
  int64_t started_ms; // since the epoch
  int exit_code;
  const char *exit_signal; // its name
  int64_t killed;
  const char *const *names; // of the first that were killed
  size_t name_count;
  struct corral_usage usage;
};

// The name of a program's path.
const char *corral_program_name(const char *path);

// How its leader ended; `signal` 0: it exited.
void corral_record_exit(struct corral_record *record, int code, int signal);

// Nothing is known.
struct corral_record corral_record_unknown(void);

// Takes apart, in place, what packRecord() of src/backend/ledger.ts has put together. False: it is something
// else.
bool corral_record_parse(char *words, struct corral_record *record, struct corral_ledger *ledger);

// Appends the line of a session that has ended now.
void corral_record_write(struct corral_json *lines, const struct corral_record *record);

// The same, of a session's cgroup that is open: its id and its usage are read, the latter also in its v1
// memory cgroup (-1: none).
void corral_record_write_group(struct corral_json *lines, const struct corral_record *record, int group_fd,
                               int memory_fd);

// Before the sessions below a directory are ended, notes in their labels how many processes live in each.
// Takes a tenth of a second at most; of those that it does not come to, or that have made cgroups, it is not
// known.
void corral_record_note(const struct corral_path *sessions);

// Appends a line for each session below a directory of sessions, by what the kernel and the labels tell of
// it; the rest is as in `common`. `memory_fd`: that directory in the v1 memory hierarchy, or -1. 0, or -errno
// where some could not be read.
int corral_record_write_all(struct corral_json *lines, const struct corral_path *sessions,
                            const struct corral_record *common, bool args, int memory_fd);

#endif
