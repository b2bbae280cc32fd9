/* How long a process of a payload lives when nothing ends it: a test that dies half-way leaves nobody for
   ever, and a slow machine has time enough. A payload that is needed for longer defines it before it includes
   this. */
#ifndef LIFETIME_H
#define LIFETIME_H

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#ifndef LIFETIME_SECONDS
#define LIFETIME_SECONDS 300
#endif

/* A timer and not an alarm, for it sends SIGKILL: that ends stopped and frozen processes too, whatever
   signals are blocked or ignored. fork() does not inherit timers, so every process of a payload calls this
   for itself. */
static inline void end_after(unsigned seconds) {
  struct sigevent kill_self = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
  struct itimerspec once = {.it_value.tv_sec = seconds};
  timer_t timer;
  if (timer_create(CLOCK_MONOTONIC, &kill_self, &timer) != 0)
    abort();
  if (timer_settime(timer, 0, &once, NULL) != 0)
    abort();
}

#endif
