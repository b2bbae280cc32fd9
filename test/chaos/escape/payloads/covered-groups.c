/* Outlives below mounts that everybody sees: groups below its own have a file system over them, the group
   that they are in is mounted onto another one, and an orphan lives beside. No directory that something is
   mounted on can be removed, and who goes into it finds what is not there. Only root can mount. */
#include <sys/mount.h>

#include "detach.h"
#include "own-group.h"

static void mount_on(const char *group, const char *source, const char *type, unsigned long flags) {
  make_group(group);
  if (mount(source, group, type, flags, NULL) == 0)
    return;
  int refused = errno;
  rmdir(group);
  errno = refused;
  cannot("mount");
}

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  char group[PATH_MAX], covered[PATH_MAX], mirror[PATH_MAX], den[PATH_MAX];
  own_group(group);
  join_path(covered, "%s/covered", group);
  join_path(mirror, "%s/mirror", group);
  join_path(den, "%s/den", group);
  mount_on(covered, "none", "tmpfs", 0);
  mount_on(mirror, group, NULL, MS_BIND);
  make_group(den);
  arrivals in_place = expect_arrivals();
  if (fork_orphan() == 0) {
    enter_group(den);
    arrive(in_place);
    wait_for_the_end();
  }
  await_arrivals(in_place, 1);
  return stay_or_leave(argc, argv);
}
