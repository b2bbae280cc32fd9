/* Outlives in a group that has become threaded under its processes: the session's own, and one below it.
   There cgroup.procs cannot be read and cgroup.kill is refused (EOPNOTSUPP). A group becomes threaded only
   while it is empty and the one above it holds nobody but by threads, so the leader goes up for that, and
   comes back. */
#include <libgen.h>
#include <pthread.h>

#include "detach.h"
#include "own-group.h"

enum { THREADS = 2 };

static char own[PATH_MAX], below[PATH_MAX];
static arrivals in_place;

/* Only of a session that has a group around its own: who holds the program by no group of its own, and counts
   in this one, would have it made threaded for it. */
static void thread_own(void) {
  char around[PATH_MAX], own_copy[PATH_MAX], type[PATH_MAX];
  strcpy(own_copy, own);
  if (strcmp(basename(own_copy), "in") != 0)
    return;
  join_path(around, "%s/..", own);
  char procs[PATH_MAX];
  join_path(procs, "%s/cgroup.procs", around);
  int up = open(procs, O_WRONLY | O_CLOEXEC);
  /* Refused where controllers are on for the groups below it */
  if (up < 0 || write(up, "0", 1) != 1)
    return;
  close(up);
  join_path(type, "%s/cgroup.type", own);
  int fd = open(type, O_WRONLY | O_CLOEXEC);
  ssize_t done = fd < 0 ? -1 : write(fd, "threaded", 8);
  close(fd);
  enter_group(own);
  if (done < 0)
    fail("the own group does not become threaded");
}

static void *hide(void *unused) {
  write_group_file(below, "cgroup.threads", "0");
  if (write(in_place.for_arrivals, "+", 1) != 1)
    fail("arrive");
  wait_for_the_end();
  return unused;
}

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  own_group(own);
  thread_own();
  join_path(below, "%s/threaded", own);
  make_group(below);
  write_group_file(below, "cgroup.type", "threaded");
  in_place = expect_arrivals();
  if (fork_orphan() == 0) {
    for (int i = 0; i < THREADS; i++) {
      pthread_t thread;
      if ((errno = pthread_create(&thread, NULL, hide, NULL)) != 0)
        fail("pthread_create");
    }
    wait_for_the_end();
  }
  await_arrivals(in_place, THREADS);
  return stay_or_leave(argc, argv);
}
