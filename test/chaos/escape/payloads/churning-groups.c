/* Outlives between two looks: one process makes and removes groups below its own all the time, so that who
   walks the tree loses his way in it, and another one sits still behind them.
   It is held: at most CHURNS, and both end by themselves. */
#include "detach.h"
#include "own-group.h"

enum { CHURNS = 20000, PAUSE_MICROSECONDS = 100, CHURNS_TO_BE_HIDDEN = 10, WIDTH = 3 };

static void remove_group(const char *group) {
  if (rmdir(group) != 0 && errno != ENOENT)
    fail(group);
}

static void churn(const char *group) {
  char outer[WIDTH][PATH_MAX], inner[PATH_MAX];
  for (int i = 0; i < WIDTH; i++) {
    join_path(outer[i], "%s/churn-%d", group, i);
    join_path(inner, "%s/inner", outer[i]);
    make_group(outer[i]);
    make_group(inner);
  }
  for (int i = 0; i < WIDTH; i++) {
    join_path(inner, "%s/inner", outer[i]);
    remove_group(inner);
    remove_group(outer[i]);
  }
}

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  char group[PATH_MAX], still[PATH_MAX];
  own_group(group);
  join_path(still, "%s/still", group);
  arrivals in_place = expect_arrivals();
  if (fork_own_session() == 0) {
    for (int i = 0; i < CHURNS; i++) {
      if (i == CHURNS_TO_BE_HIDDEN)
        arrive(in_place);
      churn(group);
      usleep(PAUSE_MICROSECONDS);
    }
    wait_for_the_end();
  }
  make_group(still);
  if (fork_orphan() == 0) {
    enter_group(still);
    arrive(in_place);
    wait_for_the_end();
  }
  await_arrivals(in_place, 2);
  return stay_or_leave(argc, argv);
}
