/* Outlives by great number: five thousand orphans. Fewer where pids are scarce, or forks refused, or where it
   would take long. */
#include <time.h>

#include "detach.h"

enum { PROCESSES = 5000, SHARE_OF_PIDS = 6, SECONDS = 3, FEWEST = 50 };

static int affordable(void) {
  FILE *file = fopen("/proc/sys/kernel/pid_max", "re");
  int pids = 0;
  if (!file || fscanf(file, "%d", &pids) != 1)
    fail("/proc/sys/kernel/pid_max");
  fclose(file);
  return pids / SHARE_OF_PIDS < PROCESSES ? pids / SHARE_OF_PIDS : PROCESSES;
}

/* All are children of one that ends, and then nobody's. */
static int fork_many(arrivals in_place) {
  time_t deadline = time(NULL) + SECONDS;
  int made = 0;
  for (int most = affordable(); made < most && time(NULL) < deadline; made++) {
    pid_t child = fork();
    if (child < 0 && made < FEWEST)
      fail("fork");
    if (child < 0)
      break;
    if (child == 0) {
      setsid();
      end_after(LIFETIME_SECONDS);
      arrive(in_place);
      wait_for_the_end();
    }
  }
  return made;
}

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  arrivals in_place = expect_arrivals();
  int count[2];
  if (pipe(count) != 0)
    fail("pipe");
  pid_t between = fork();
  if (between < 0)
    fail("fork");
  if (between == 0) {
    int made = fork_many(in_place);
    _exit(write(count[1], &made, sizeof made) == sizeof made ? 0 : 1);
  }
  int made;
  if (waitpid(between, NULL, 0) != between || read(count[0], &made, sizeof made) != sizeof made)
    fail("the forks");
  await_arrivals(in_place, made);
  return stay_or_leave(argc, argv);
}
