/* Outlives its head: a process group whose leader was killed by one of its members. The pid that names the
   group is nobody's any more, and who remembers that pid remembers a dead one. */
#include "detach.h"

enum { MEMBERS = 2 };

static void lead(arrivals in_place) {
  if (setpgid(0, 0) != 0)
    fail("setpgid");
  pid_t head = getpid();
  for (int i = 0; i < MEMBERS; i++) {
    pid_t child = fork();
    if (child < 0)
      fail("fork");
    if (child == 0) {
      end_after(LIFETIME_SECONDS);
      /* The last one, when all are there. */
      if (i == MEMBERS - 1 && kill(head, SIGKILL) != 0)
        fail("kill");
      arrive(in_place);
      wait_for_the_end();
    }
  }
  wait_for_the_end();
}

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  arrivals in_place = expect_arrivals();
  pid_t head = fork();
  if (head < 0)
    fail("fork");
  if (head == 0)
    lead(in_place);
  int status;
  if (waitpid(head, &status, 0) != head || !WIFSIGNALED(status))
    fail("the head was not killed");
  await_arrivals(in_place, MEMBERS);
  return stay_or_leave(argc, argv);
}
