// What the warden has to say, on stderr: one line that begins with "corral: ".
#ifndef CORRAL_TELL_H
#define CORRAL_TELL_H

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../core/error.h"

#define STATUS_FAILED 1
#define STATUS_USAGE 2
#define STATUS_CANNOT_RUN 126 // as of env(1) and timeout(1): found, but not to be run
#define STATUS_NOT_FOUND 127
#define STATUS_SIGNALLED 128 // and the signal's number

#define tell(format, ...) (void)dprintf(STDERR_FILENO, "corral: " format "\n", ##__VA_ARGS__)

// What was tried, on what, and the kernel's answer.
static inline void tell_error(const char *what, const struct corral_error *error) {
  tell("%s: %s %s: %s", what, error->operation, error->path, strerror(error->number));
}

#endif
