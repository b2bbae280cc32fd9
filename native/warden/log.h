// What the warden has to say, on stderr: one line that begins with "corral: ".
#ifndef CORRAL_LOG_H
#define CORRAL_LOG_H

#include <string.h>

#include "../core/error.h"

#define STATUS_FAILED 1
#define STATUS_USAGE 2
#define STATUS_PROTOCOL 3     // of a number that is not ours (core/protocol.h)
#define STATUS_TIMED_OUT 124  // as of timeout(1)
#define STATUS_CANNOT_RUN 126 // as of env(1) and timeout(1): found, but not to be run
#define STATUS_NOT_FOUND 127
#define STATUS_SIGNALLED 128 // and the signal's number

// As printf(3). What is in it of others' (the name of a group that a session made, a word of a command line)
// is written out where a terminal would act upon it or not show it, as src/common/text.ts does it.
__attribute__((format(printf, 1, 2))) void log_message(const char *format, ...);

// What was tried, on what, and the kernel's answer.
static inline void log_error(const char *what, const struct corral_error *error) {
  log_message("%s: %s %s: %s", what, error->operation, error->path, strerror(error->number));
}

#endif
