/* Outlives in another's hands: a process that its sibling holds in a ptrace stop. It takes no SIGTERM, and no
   SIGCONT makes it run, as long as the tracer lives. */
#include <sys/prctl.h>
#include <sys/ptrace.h>

#include "detach.h"

static void hold(pid_t traced) {
  if (ptrace(PTRACE_SEIZE, traced, 0, 0) != 0)
    cannot("ptrace");
  if (ptrace(PTRACE_INTERRUPT, traced, 0, 0) != 0)
    fail("ptrace: interrupt");
  if (waitpid(traced, NULL, __WALL) != traced)
    fail("the process does not stop");
}

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  arrivals ready = expect_arrivals(), in_place = expect_arrivals();
  pid_t traced = fork_own_session();
  if (traced == 0) {
    /* Yama lets only parents trace, unless they are told otherwise; a kernel without it refuses the word. */
    if (prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY) != 0 && errno != EINVAL)
      fail("prctl");
    arrive(ready);
    wait_for_the_end();
  }
  await_arrivals(ready, 1);
  if (fork_own_session() == 0) {
    hold(traced);
    arrive(in_place);
    wait_for_the_end();
  }
  await_arrivals(in_place, 1);
  return stay_or_leave(argc, argv);
}
