/* Outlives the polite request: each process that gets SIGTERM forks a new one and ends, so that every SIGTERM
   is answered by a pid that did not get it. After FORKS of them SIGTERM is just ignored. */
#include <stdatomic.h>
#include <sys/mman.h>

#include "detach.h"

// So many forks are used up by the first few requests: how many are left after a grace time is then no matter
// of whether one of them is just forking.
enum { PROCESSES = 3, FORKS = 20 };

static atomic_int *forks;

static void fork_anew(int signal_number) {
  (void)signal_number;
  if (atomic_fetch_add(forks, 1) >= FORKS)
    return;
  pid_t anew = fork();
  if (anew > 0)
    _exit(0);
  if (anew == 0) {
    setsid();
    end_after(LIFETIME_SECONDS);
  }
}

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  signal(SIGCHLD, SIG_IGN);
  forks = mmap(NULL, sizeof *forks, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (forks == MAP_FAILED)
    fail("mmap");
  signal(SIGTERM, fork_anew);
  arrivals in_place = expect_arrivals();
  for (int i = 0; i < PROCESSES; i++) {
    if (fork_own_session() == 0) {
      arrive(in_place);
      wait_for_the_end();
    }
  }
  await_arrivals(in_place, PROCESSES);
  return stay_or_leave(argc, argv);
}
