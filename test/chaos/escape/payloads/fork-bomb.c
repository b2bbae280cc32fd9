/* Outlives by growth: every process forks for as long as there is room, each in a session of its own, and
   ends at random to make room for others. A list of its processes is wrong before it has been read.
   It is held: at most ROOM processes live at a time, at most TOTAL are made, and all end after
   LIFETIME_SECONDS. */
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

#include "detach.h"

enum { ROOM = 150, TOTAL = 15000, TICK_MICROSECONDS = 20000 };

typedef struct {
  atomic_int living;
  atomic_int made;
  time_t deadline;
} bomb;

static time_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec;
}

static void become_one_more(unsigned *seed) {
  setsid();
  end_after(LIFETIME_SECONDS);
  *seed = (unsigned)getpid();
}

static void burn(bomb *b) {
  unsigned seed;
  become_one_more(&seed);
  while (now() < b->deadline) {
    if (atomic_fetch_add(&b->living, 1) < ROOM && atomic_load(&b->made) < TOTAL) {
      atomic_fetch_add(&b->made, 1);
      pid_t child = fork();
      if (child == 0)
        become_one_more(&seed);
      if (child < 0)
        atomic_fetch_sub(&b->living, 1);
      continue;
    }
    atomic_fetch_sub(&b->living, 1);
    usleep(TICK_MICROSECONDS);
    /* Half of them always stay, or the bomb could go out by itself. */
    if (rand_r(&seed) % 4 == 0) {
      if (atomic_fetch_sub(&b->living, 1) > ROOM / 2)
        _exit(0);
      atomic_fetch_add(&b->living, 1);
    }
  }
  _exit(0);
}

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  signal(SIGCHLD, SIG_IGN);
  bomb *b = mmap(NULL, sizeof *b, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (b == MAP_FAILED)
    fail("mmap");
  b->deadline = now() + LIFETIME_SECONDS;
  atomic_store(&b->living, 1);
  pid_t first = fork();
  if (first < 0)
    fail("fork");
  if (first == 0)
    burn(b);
  while (atomic_load(&b->made) < ROOM / 2)
    usleep(1000);
  return stay_or_leave(argc, argv);
}
