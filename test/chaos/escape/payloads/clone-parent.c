/* Outlives as a brother: clone(2) with CLONE_PARENT makes children of the leader's own parent, the gateway.
   No walk from the leader finds them, and the gateway knows nothing of its new children. */
#include <sched.h>
#include <sys/syscall.h>

#include "detach.h"

enum { BROTHERS = 2 };

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  arrivals in_place = expect_arrivals();
  for (int i = 0; i < BROTHERS; i++) {
    /* glibc's clone() wants a stack; like this it is a fork. All other arguments are 0, in whichever order.
     */
    long brother = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
    if (brother < 0)
      fail("clone");
    if (brother == 0) {
      setsid();
      end_after(LIFETIME_SECONDS);
      arrive(in_place);
      wait_for_the_end();
    }
  }
  await_arrivals(in_place, BROTHERS);
  return stay_or_leave(argc, argv);
}
