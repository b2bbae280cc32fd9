/* Outlives by the book: daemons made as the manual says, with two forks, setsid, chdir to / and every
   descriptor closed. Their parent is init, their terminal and their pipes are gone. */
#include "detach.h"

enum { DAEMONS = 3 };

static void close_everything(void) {
  long most = sysconf(_SC_OPEN_MAX);
  for (int fd = 0; fd < (most > 4096 ? 4096 : most); fd++)
    close(fd);
}

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  arrivals in_place = expect_arrivals();
  for (int i = 0; i < DAEMONS; i++) {
    if (fork_orphan() == 0) {
      if (chdir("/") != 0)
        fail("chdir");
      arrive(in_place);
      close_everything();
      wait_for_the_end();
    }
  }
  await_arrivals(in_place, DAEMONS);
  return stay_or_leave(argc, argv);
}
