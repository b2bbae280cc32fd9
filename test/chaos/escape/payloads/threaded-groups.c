/* Outlives in threads: makes threaded groups below its own, where cgroup.procs cannot be read and cgroup.kill
   is refused (EOPNOTSUPP). One process of four threads is split over three groups, another one sits in the
   innermost as a whole. */
#include <pthread.h>

#include "detach.h"
#include "own-group.h"

enum { THREADS_EACH = 3 };

static char outer[PATH_MAX], inner[PATH_MAX];
static arrivals in_place;

static void *hide_in(void *group) {
  if (group)
    write_group_file(group, "cgroup.threads", "0");
  if (write(in_place.for_arrivals, "+", 1) != 1)
    fail("arrive");
  wait_for_the_end();
  return NULL;
}

static void start_thread(char *group) {
  pthread_t thread;
  if ((errno = pthread_create(&thread, NULL, hide_in, group)) != 0)
    fail("pthread_create");
}

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  char group[PATH_MAX];
  own_group(group);
  join_path(outer, "%s/threads", group);
  join_path(inner, "%s/inner", outer);
  make_group(outer);
  write_group_file(outer, "cgroup.type", "threaded");
  make_group(inner);
  write_group_file(inner, "cgroup.type", "threaded");
  in_place = expect_arrivals();
  if (fork_own_session() == 0) {
    start_thread(outer);
    start_thread(inner);
    start_thread(NULL);
    wait_for_the_end();
  }
  if (fork_orphan() == 0) {
    enter_group(inner);
    for (int i = 0; i < THREADS_EACH; i++)
      start_thread(NULL);
    wait_for_the_end();
  }
  await_arrivals(in_place, 2 * THREADS_EACH);
  return stay_or_leave(argc, argv);
}
