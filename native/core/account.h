// Writes what the sessions of an instance have used into a ledger, between their end and their removal: for
// programs without threads.
#ifndef CORRAL_ACCOUNT_H
#define CORRAL_ACCOUNT_H

#include "error.h"
#include "json.h"
#include "ledger.h"
#include "path.h"
#include "record.h"

// A line for each session below the directory of sessions of an instance, with `known` of all. A file system
// that does not answer holds us up for some seconds; the child that writes is left to it. 0, or -errno and
// `error`.
int corral_account_write(const struct corral_ledger *ledger, const struct corral_path *sessions,
                         const struct corral_record *known, struct corral_error *error);

// Writes lines that are made already.
int corral_account_write_lines(const struct corral_ledger *ledger, const struct corral_json *lines,
                               struct corral_error *error);

#endif
