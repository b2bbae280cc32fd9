/* Outlives behind a shut door: hides an orphan in a group of a group below its own and takes all permissions
   from both, from its own group and from the files in all three, so that a user who is not root can neither
   list, nor kill, nor remove them. */
#include "detach.h"
#include "own-group.h"

static void shut(const char *group) {
  static const char *const files[] = {"cgroup.procs", "cgroup.threads", "cgroup.events", "cgroup.freeze",
                                      "cgroup.kill"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char path[PATH_MAX];
    join_path(path, "%s/%s", group, files[i]);
    /* Kernels before 5.14 have no cgroup.kill. */
    if (chmod(path, 0) != 0 && errno != ENOENT)
      fail(path);
  }
  if (chmod(group, 0) != 0)
    fail(group);
}

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  char group[PATH_MAX], outer[PATH_MAX], inner[PATH_MAX];
  own_group(group);
  join_path(outer, "%s/shut", group);
  join_path(inner, "%s/inner", outer);
  make_group(outer);
  make_group(inner);
  arrivals in_place = expect_arrivals();
  if (fork_orphan() == 0) {
    enter_group(inner);
    arrive(in_place);
    wait_for_the_end();
  }
  await_arrivals(in_place, 1);
  shut(inner);
  shut(outer);
  shut(group);
  return stay_or_leave(argc, argv);
}
