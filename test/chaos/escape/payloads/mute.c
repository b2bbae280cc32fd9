/* Outlives its own streams: all of them close every descriptor that they have, the leader too. Who takes the
   end of the output for the end of the program is wrong, and so is who looks for it by its open files. */
#include "detach.h"

enum { MOST_DESCRIPTORS = 4096 };

static void close_everything(void) {
  long most = sysconf(_SC_OPEN_MAX);
  for (int fd = 0; fd < (most > MOST_DESCRIPTORS ? MOST_DESCRIPTORS : most); fd++)
    close(fd);
}

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  arrivals in_place = expect_arrivals();
  if (fork_own_session() == 0) {
    arrive(in_place);
    close_everything();
    wait_for_the_end();
  }
  await_arrivals(in_place, 1);
  say_hidden();
  close_everything();
  if (leader_leaves(argc, argv))
    return 0;
  wait_for_the_end();
}
