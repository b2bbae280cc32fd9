/* Outlives between two pids: forks and ends at once, its child does the same, and so on, each in a session of
   its own. A pid that was read is a pid that is gone, and may be somebody else's by now.
   It is held: at most GENERATIONS, and the last of them ends after SECONDS. */
#include <stdatomic.h>
#include <sys/mman.h>

#include "detach.h"

enum { GENERATIONS = 25000, SECONDS = 60, GENERATIONS_TO_BE_HIDDEN = 20 };

int main(int argc, char **argv) {
  end_after(SECONDS);
  signal(SIGCHLD, SIG_IGN);
  atomic_int *generation =
      mmap(NULL, sizeof *generation, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (generation == MAP_FAILED)
    fail("mmap");
  pid_t first = fork();
  if (first < 0)
    fail("fork");
  if (first > 0) {
    while (atomic_load(generation) < GENERATIONS_TO_BE_HIDDEN)
      usleep(1000);
    return stay_or_leave(argc, argv);
  }
  for (;;) {
    setsid();
    end_after(SECONDS);
    if (atomic_fetch_add(generation, 1) >= GENERATIONS)
      wait_for_the_end();
    pid_t next = fork();
    if (next < 0)
      usleep(1000);
    if (next > 0)
      _exit(0);
  }
}
