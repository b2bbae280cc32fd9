/* Outlives in another view of the files: an orphan in a mount namespace of its own, which works in a tmpfs
   that nobody else can see. */
#include <sched.h>
#include <sys/mount.h>

#include "detach.h"

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  arrivals in_place = expect_arrivals();
  if (fork_orphan() == 0) {
    if (unshare(CLONE_NEWNS | (geteuid() == 0 ? 0 : CLONE_NEWUSER)) != 0)
      cannot("unshare");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", "/tmp", "tmpfs", 0, "size=64k") != 0)
      cannot("mount");
    if (chdir("/tmp") != 0)
      fail("chdir");
    arrive(in_place);
    wait_for_the_end();
  }
  await_arrivals(in_place, 1);
  return stay_or_leave(argc, argv);
}
