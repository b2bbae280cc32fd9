/* Outlives behind mounts that only it sees: an orphan in a mount namespace of its own, in which a file system
   covers the cgroups and another one its own group. */
#include <sched.h>
#include <sys/mount.h>

#include "detach.h"
#include "own-group.h"

static void cover(const char *directory) {
  if (mount("none", directory, "tmpfs", 0, "size=64k") != 0)
    cannot("mount");
}

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  char group[PATH_MAX], mount_point[PATH_MAX], mount_root[PATH_MAX];
  own_group(group);
  find_cgroup2(mount_point, mount_root);
  arrivals in_place = expect_arrivals();
  if (fork_orphan() == 0) {
    if (unshare(CLONE_NEWNS | (geteuid() == 0 ? 0 : CLONE_NEWUSER)) != 0)
      cannot("unshare");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
      cannot("mount");
    cover(group);
    cover(mount_point);
    arrive(in_place);
    wait_for_the_end();
  }
  await_arrivals(in_place, 1);
  return stay_or_leave(argc, argv);
}
