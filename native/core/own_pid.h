// Variables that hold the pid of the process that they are meant for: sd_listen_fds(3),
// sd_watchdog_enabled(3).
#ifndef CORRAL_OWN_PID_H
#define CORRAL_OWN_PID_H

#include "spawn.h"

#define CORRAL_OWN_PID_BYTES 32

// Has the plan's process write its own pid into those that name the process `meant`. `room` has to live as
// long as the plan.
void corral_own_pids_set(struct corral_spawn_plan *plan, pid_t meant,
                         char room[CORRAL_OWN_PIDS][CORRAL_OWN_PID_BYTES]);

#endif
