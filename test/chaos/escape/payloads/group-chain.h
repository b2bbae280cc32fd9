/* Groups in one another, each made and opened from the one above it, for their path may be longer than a path
   can be. */
#ifndef GROUP_CHAIN_H
#define GROUP_CHAIN_H

#include "detach.h"
#include "own-group.h"

/* Makes so many of that name below the own group, and hides an orphan in the last. */
static inline void hide_in_chain(int length, const char *name, arrivals in_place) {
  char group[PATH_MAX];
  own_group(group);
  int at = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (at < 0)
    fail(group);
  for (int i = 0; i < length; i++) {
    if (mkdirat(at, name, 0755) != 0)
      fail("mkdirat");
    int next = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (next < 0)
      fail("openat");
    close(at);
    at = next;
  }
  if (fork_orphan() == 0) {
    int procs = openat(at, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    if (procs < 0 || write(procs, "0", 1) != 1)
      fail("cgroup.procs");
    close(procs);
    arrive(in_place);
    wait_for_the_end();
  }
  close(at);
}

#endif
