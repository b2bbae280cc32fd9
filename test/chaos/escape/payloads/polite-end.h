/* Ending on SIGTERM by a handler, as an agent does that saves its work. SIGTERM without one ends a frozen
   process in the kernel; a handler would have to run, and does not before the thaw. */
#ifndef POLITE_END_H
#define POLITE_END_H

#include <signal.h>
#include <unistd.h>

static inline void end_now(int signal_number) {
  (void)signal_number;
  _exit(0);
}

static inline void end_on_sigterm(void) {
  signal(SIGTERM, end_now);
}

#endif
