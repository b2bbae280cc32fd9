/* Outlives where no path leads: an orphan in groups whose names are together longer than PATH_MAX. No system
   call takes their path, and /proc/PID/cgroup cannot be read (ENAMETOOLONG). */
#include "group-chain.h"

enum { NAME_BYTES = 200, DEPTH = PATH_MAX / NAME_BYTES + 2 };

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  char name[NAME_BYTES + 1];
  memset(name, 'y', NAME_BYTES);
  name[NAME_BYTES] = '\0';
  arrivals in_place = expect_arrivals();
  hide_in_chain(DEPTH, name, in_place);
  await_arrivals(in_place, 1);
  return stay_or_leave(argc, argv);
}
