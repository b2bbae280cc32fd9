/* Outlives in a chain of vforks: each process but the last is held in the kernel until its child execs or
   ends, which it does not, and all of them share one memory. */
#include "detach.h"

enum { LENGTH = 4 };

static arrivals in_place;
static int left = LENGTH - 1;

/* Never returns: the stack is shared with the parents, which are held as long as they have a child. */
static void go_down(void) {
  for (;; left--) {
    end_after(LIFETIME_SECONDS);
    if (write(in_place.for_arrivals, "+", 1) != 1)
      _exit(1);
    if (left == 0 || vfork() != 0)
      wait_for_the_end();
  }
}

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  in_place = expect_arrivals();
  if (fork_orphan() == 0)
    go_down();
  await_arrivals(in_place, LENGTH);
  return stay_or_leave(argc, argv);
}
