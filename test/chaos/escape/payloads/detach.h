/* Leaving the process group and the parent behind, as daemons do. */
#ifndef DETACH_H
#define DETACH_H

#include <sys/types.h>
#include <sys/wait.h>

#include "leader.h"

/* A child in a session of its own: no signal to the leader's process group reaches it. Returns 0 in the
   child. */
static inline pid_t fork_own_session(void) {
  pid_t child = fork();
  if (child < 0)
    fail("fork");
  if (child > 0)
    return child;
  if (setsid() < 0)
    fail("setsid");
  end_after(LIFETIME_SECONDS);
  return 0;
}

/* The same, and its parent is gone: no walk from the leader over parent pids finds it. Returns 0 in the
   orphan. */
static inline pid_t fork_orphan(void) {
  pid_t between = fork();
  if (between < 0)
    fail("fork");
  if (between > 0) {
    /* Reaped here, so that the number of living processes is exact once all have arrived. */
    while (waitpid(between, NULL, 0) < 0)
      if (errno != EINTR)
        fail("waitpid");
    return between;
  }
  if (setsid() < 0)
    fail("setsid");
  pid_t orphan = fork();
  if (orphan < 0)
    fail("fork");
  if (orphan > 0)
    _exit(0);
  end_after(LIFETIME_SECONDS);
  return 0;
}

#endif
