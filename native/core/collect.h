// Ends a cgroup and takes it away, and waits for that: corral_end() for programs that have nothing else to
// do.
#ifndef CORRAL_COLLECT_H
#define CORRAL_COLLECT_H

#include <stdint.h>

#include "end.h"
#include "error.h"

// CLOCK_MONOTONIC in ms.
int64_t corral_now_ms(void);

// Kills all that lives in `group` and below it, without asking, and removes it. 0 when it is gone, also when
// it was so before; -EBUSY when something outlived plan->kill_ms; else -errno.
int corral_collect(const struct corral_path *group, const struct corral_end_plan *plan,
                   struct corral_error *error);

// The same, and with them who was started in there and has been moved out (outside.h). The plan's ledger gets
// a line for each session; that it cannot be written changes nothing.
int corral_collect_sessions(const struct corral_path *sessions, const struct corral_end_plan *plan,
                            struct corral_error *error);

// As corral_collect(), but the directory stays.
int corral_empty(const struct corral_path *group, const struct corral_end_plan *plan,
                 struct corral_error *error);

#endif
