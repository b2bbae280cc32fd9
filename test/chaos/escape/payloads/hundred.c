/* Outlives by number: a hundred processes, each in a session of its own, and every second one an orphan. Who
   signals them one after the other has to find them all first. */
#include "detach.h"

enum { PROCESSES = 100 };

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  arrivals in_place = expect_arrivals();
  for (int i = 0; i < PROCESSES; i++) {
    pid_t child = i % 2 ? fork_orphan() : fork_own_session();
    if (child == 0) {
      arrive(in_place);
      wait_for_the_end();
    }
  }
  await_arrivals(in_place, PROCESSES);
  return stay_or_leave(argc, argv);
}
