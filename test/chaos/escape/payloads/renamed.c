/* Outlives under a false name: execs itself again as what looks like a thread of the kernel's. A kill by
   name, or by the command line that was started, finds nobody. */
#include <sys/prctl.h>

#include "detach.h"

enum { PROCESSES = 2 };
static const char FALSE_NAME[] = "[kworker/0:1-events]";

/* Comes with the descriptor on which it is to arrive. */
static int hide_renamed(const char *descriptor) {
  end_after(LIFETIME_SECONDS);
  if (prctl(PR_SET_NAME, "kworker/0:1") != 0)
    fail("prctl");
  int in_place = atoi(descriptor);
  if (write(in_place, "+", 1) != 1)
    fail("arrive");
  close(in_place);
  wait_for_the_end();
  return 0;
}

int main(int argc, char **argv) {
  if (strcmp(argv[0], FALSE_NAME) == 0)
    return hide_renamed(argv[1]);
  end_after(LIFETIME_SECONDS);
  arrivals in_place = expect_arrivals();
  for (int i = 0; i < PROCESSES; i++) {
    if (fork_orphan() == 0) {
      char descriptor[16];
      snprintf(descriptor, sizeof descriptor, "%d", in_place.for_arrivals);
      close(in_place.for_leader);
      execl("/proc/self/exe", FALSE_NAME, descriptor, NULL);
      fail("exec");
    }
  }
  await_arrivals(in_place, PROCESSES);
  return stay_or_leave(argc, argv);
}
