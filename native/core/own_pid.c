#define _GNU_SOURCE
#include "own_pid.h"

#include <stdlib.h>
#include <string.h>

static const char *const NAMES[CORRAL_OWN_PIDS] = {"LISTEN_PID=", "WATCHDOG_PID="};

static char **find(char *const *environment, const char *name) {
  for (; environment && *environment; environment++)
    if (!strncmp(*environment, name, strlen(name)))
      return (char **)environment;
  return NULL;
}

void corral_own_pids_set(struct corral_spawn_plan *plan, pid_t meant,
                         char room[CORRAL_OWN_PIDS][CORRAL_OWN_PID_BYTES]) {
  for (unsigned i = 0; i < CORRAL_OWN_PIDS; i++) {
    char **found = find(plan->envp, NAMES[i]);
    if (!found || strtol(*found + strlen(NAMES[i]), NULL, 10) != meant)
      continue;
    plan->own_pid[i] = stpcpy(room[i], NAMES[i]);
    *found = room[i];
  }
}
