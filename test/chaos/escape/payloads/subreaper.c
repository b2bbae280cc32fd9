/* Outlives under a parent of its own: a child subreaper, as service managers and container runtimes are.
   Orphans below it come to it and not to init, and whoever looks for orphans of init finds none. */
#include <sys/prctl.h>

#include "detach.h"

enum { ORPHANS = 2 };

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  arrivals in_place = expect_arrivals();
  if (fork_orphan() == 0) {
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
      fail("prctl");
    for (int i = 0; i < ORPHANS; i++) {
      if (fork_orphan() == 0) {
        arrive(in_place);
        wait_for_the_end();
      }
    }
    arrive(in_place);
    wait_for_the_end();
  }
  await_arrivals(in_place, 1 + ORPHANS);
  return stay_or_leave(argc, argv);
}
