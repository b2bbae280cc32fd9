/* Outlives by the library: daemon(3), which is one fork, setsid, chdir to / and /dev/null for all three
 * streams. */
#include "detach.h"

enum { DAEMONS = 2 };

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  arrivals in_place = expect_arrivals();
  for (int i = 0; i < DAEMONS; i++) {
    pid_t child = fork();
    if (child < 0)
      fail("fork");
    if (child == 0) {
      if (daemon(0, 0) != 0)
        fail("daemon");
      end_after(LIFETIME_SECONDS);
      arrive(in_place);
      wait_for_the_end();
    }
    if (waitpid(child, NULL, 0) != child)
      fail("waitpid");
  }
  await_arrivals(in_place, DAEMONS);
  return stay_or_leave(argc, argv);
}
