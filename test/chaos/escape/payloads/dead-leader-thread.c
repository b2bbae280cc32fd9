/* Outlives as a zombie: in two processes the first thread ends and another lives on. /proc says `Z (zombie)`
   of them, and shows neither command line nor open files, while they run. The leader that stays is the one,
   an orphan the other. */
#include <pthread.h>
#include <sys/syscall.h>

#include "detach.h"

static void await_end_of(pid_t thread) {
  char path[64], text[256];
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread);
  for (;;) {
    FILE *stat = fopen(path, "re");
    if (!stat)
      fail(path);
    size_t got = fread(text, 1, sizeof text - 1, stat);
    fclose(stat);
    text[got] = '\0';
    char *state = strrchr(text, ')');
    if (state && state[2] == 'Z')
      return;
    usleep(1000);
  }
}

static void *live_on(void *in_place) {
  await_end_of(getpid());
  if (in_place)
    arrive(*(arrivals *)in_place);
  else
    say_hidden();
  wait_for_the_end();
  return NULL;
}

/* exit() and the end of main() would end the other thread too. */
static void end_first_thread(arrivals *in_place) {
  pthread_t thread;
  if ((errno = pthread_create(&thread, NULL, live_on, in_place)) != 0)
    fail("pthread_create");
  syscall(SYS_exit, 0);
}

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  static arrivals in_place;
  in_place = expect_arrivals();
  if (fork_orphan() == 0)
    end_first_thread(&in_place);
  await_arrivals(in_place, 1);
  if (leader_leaves(argc, argv)) {
    say_hidden();
    return 0;
  }
  end_first_thread(NULL);
}
