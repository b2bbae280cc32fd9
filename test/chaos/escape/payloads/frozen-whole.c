/* Outlives in the ice, all of it: freezes its whole own group, itself included, so that no handler of SIGTERM
   in it can run. A leader that leaves is gone just before: then its child freezes the group,
   once the leader's end of a pipe is closed. */
#include "detach.h"
#include "own-group.h"
#include "polite-end.h"

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  end_on_sigterm();
  char group[PATH_MAX];
  own_group(group);
  arrivals in_place = expect_arrivals();
  int leader_lives[2];
  if (pipe(leader_lives) != 0)
    fail("pipe");
  if (fork_own_session() == 0) {
    arrive(in_place);
    close(leader_lives[1]);
    char nothing;
    if (read(leader_lives[0], &nothing, 1) != 0)
      fail("the leader's end");
    write_group_file(group, "cgroup.freeze", "1");
    wait_for_the_end();
  }
  await_arrivals(in_place, 1);
  say_hidden();
  if (leader_leaves(argc, argv))
    return 0;
  write_group_file(group, "cgroup.freeze", "1");
  wait_for_the_end();
}
