/* Outlives below: makes a group in its own group, one in that, and one in that again, with a process in each.
   Who reads only the session's own group sees none of them, and cannot remove its directory. */
#include "detach.h"
#include "own-group.h"

enum { DEPTH = 3 };

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  char group[PATH_MAX];
  own_group(group);
  arrivals in_place = expect_arrivals();
  for (int depth = 0; depth < DEPTH; depth++) {
    char den[PATH_MAX];
    join_path(den, "%s/den", group);
    make_group(den);
    if (fork_orphan() == 0) {
      enter_group(den);
      arrive(in_place);
      wait_for_the_end();
    }
    strcpy(group, den);
  }
  await_arrivals(in_place, DEPTH);
  return stay_or_leave(argc, argv);
}
