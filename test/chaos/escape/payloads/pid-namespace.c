/* Outlives as an init: pid 1 of a pid namespace of its own, with a child. From outside, pid 1 takes no signal
   that it has no handler for but SIGKILL and SIGSTOP, and inside all pids are others. */
#include <sched.h>

#include "detach.h"

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  arrivals in_place = expect_arrivals();
  pid_t between = fork();
  if (between < 0)
    fail("fork");
  if (between == 0) {
    setsid();
    if (unshare(CLONE_NEWPID | (geteuid() == 0 ? 0 : CLONE_NEWUSER)) != 0)
      cannot("unshare");
    pid_t init = fork();
    if (init < 0)
      fail("fork");
    if (init > 0)
      _exit(0);
    /* No timer of its own ends pid 1: its SIGKILL would come from inside. So it just does not sleep for ever.
     */
    signal(SIGCHLD, SIG_IGN);
    if (fork() == 0) {
      end_after(LIFETIME_SECONDS);
      arrive(in_place);
      wait_for_the_end();
    }
    arrive(in_place);
    sleep(LIFETIME_SECONDS);
    _exit(0);
  }
  if (waitpid(between, NULL, 0) != between)
    fail("waitpid");
  await_arrivals(in_place, 2);
  return stay_or_leave(argc, argv);
}
