/* Outlives in the ice: an orphan in a frozen group below the own one. Its handler of SIGTERM cannot run, and
   whoever freezes the outer group and thaws it again has not thawed this one (runc #2105). */
#include "detach.h"
#include "own-group.h"
#include "polite-end.h"

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  char group[PATH_MAX], ice[PATH_MAX];
  own_group(group);
  join_path(ice, "%s/ice", group);
  make_group(ice);
  arrivals in_place = expect_arrivals();
  if (fork_orphan() == 0) {
    end_on_sigterm();
    enter_group(ice);
    arrive(in_place);
    wait_for_the_end();
  }
  await_arrivals(in_place, 1);
  write_group_file(ice, "cgroup.freeze", "1");
  await_frozen(ice);
  return stay_or_leave(argc, argv);
}
