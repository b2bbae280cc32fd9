/* Outlives as somebody else: an orphan that was root and is `nobody` now, so that its files in /proc have
   another owner. Only root can become another user. */
#include <grp.h>

#include "detach.h"

enum { NOBODY = 65534 };

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  arrivals in_place = expect_arrivals();
  if (fork_orphan() == 0) {
    if (setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
      cannot("setuid");
    arrive(in_place);
    wait_for_the_end();
  }
  await_arrivals(in_place, 1);
  return stay_or_leave(argc, argv);
}
