// The ledger: a file that gets one line of JSON for each session that has ended. Many programs write into
// it, each line by one write(2) with O_APPEND, and others rotate it: so it is opened for each.
#ifndef CORRAL_LEDGER_H
#define CORRAL_LEDGER_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

// Where to write, for programs that remove sessions.
struct corral_ledger {
  const char *path; // absolute
  bool args;        // lines have the arguments of commands
  const char *writer;
};

// Appends lines of text, which are whole. The file is made where there is none (0600). Only a regular file of
// our own user, and no link to one, is written to. May hang as long as its file system does: account.h has
// a bound. No text: only looks whether lines can be written. 0, or -errno and `error`: then some lines
// are missing, and perhaps one was cut; the next one does not go on in that.
int corral_ledger_append(const char *path, const char *lines, size_t length, struct corral_error *error);

#endif
