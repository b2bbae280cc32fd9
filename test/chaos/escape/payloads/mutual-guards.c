/* Outlives in pairs: two processes that look after each other. When one ends the other starts it anew,
   RESTARTS times between them, so that who kills them one after the other is always one behind. */
#include <poll.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "detach.h"

enum { RESTARTS = 1000 };

static atomic_int *restarts;

static void await_end_of(pid_t other) {
  struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, other, 0), .events = POLLIN};
  if (ended.fd < 0 && errno == ESRCH)
    return;
  if (ended.fd < 0)
    cannot("pidfd_open");
  while (poll(&ended, 1, -1) < 0)
    if (errno != EINTR)
      fail("poll");
  close(ended.fd);
}

static void look_after(pid_t other) {
  for (;;) {
    await_end_of(other);
    if (atomic_fetch_add(restarts, 1) >= RESTARTS)
      wait_for_the_end();
    other = fork_own_session();
    if (other == 0)
      other = getppid();
  }
}

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  signal(SIGCHLD, SIG_IGN);
  restarts = mmap(NULL, sizeof *restarts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (restarts == MAP_FAILED)
    fail("mmap");
  arrivals in_place = expect_arrivals();
  if (fork_own_session() == 0) {
    pid_t other = fork_own_session();
    if (other == 0)
      other = getppid();
    arrive(in_place);
    look_after(other);
  }
  await_arrivals(in_place, 2);
  return stay_or_leave(argc, argv);
}
