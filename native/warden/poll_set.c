#define _GNU_SOURCE
#include "poll_set.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../core/close_from.h"

void become_subreaper(void) {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
    _exit(1);
}

void poll_set_open(struct poll_set *poll_set, const struct poll_set_plan *plan) {
  const uint64_t all = ~0ULL; // libc would leave out its own two
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof all);
  if (!plan->in_place) {
    setsid();
    (void)!chdir("/");
  }
  // Out of the way of those that are given their numbers before them
  const int kept[] = {plan->kept[0], plan->kept[1], plan->owner};
  const int count = sizeof kept / sizeof *kept;
  int copies[sizeof kept / sizeof *kept], next = KEPT_FD;
  for (int i = 0; i < count; i++)
    copies[i] = kept[i] >= 0 ? fcntl(kept[i], F_DUPFD_CLOEXEC, KEPT_FD + count) : -1;
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (dup2(plan->lifeline, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
      dup2(null, STDERR_FILENO) < 0)
    _exit(1);
  for (int i = 0; i < count; i++)
    if (kept[i] >= 0 && dup2(copies[i], next++) < 0)
      _exit(1);
  close_from(next);
  // What a child inherits, it must not keep: it would hold the lifeline open
  for (int fd = STDIN_FILENO; fd < next; fd++)
    fcntl(fd, F_SETFD, FD_CLOEXEC);
  sigset_t ended;
  sigemptyset(&ended);
  sigaddset(&ended, SIGCHLD);
  int children = plan->childless ? -1 : signalfd(-1, &ended, SFD_CLOEXEC | SFD_NONBLOCK);
  if (children < 0 && !plan->childless)
    _exit(1);
  prctl(PR_SET_NAME, plan->name, 0, 0, 0);
  *poll_set = (struct poll_set){{{.fd = STDIN_FILENO, .events = POLLIN},
                                 {.fd = next - 1, .events = POLLIN},
                                 {.fd = children, .events = POLLIN},
                                 {.fd = -1, .events = POLLIN},
                                 {.fd = -1, .events = POLLIN}}};
}

void poll_wait(struct poll_set *poll_set, int64_t wait_ms) {
  struct signalfd_siginfo ended;
  (void)poll(poll_set->of, POLL_SLOTS, wait_ms < 0 ? -1 : (int)wait_ms);
  while (read(poll_set->of[CHILDREN].fd, &ended, sizeof ended) > 0) // who it is, waitid() knows better
    ;
}

int poll_receive(struct poll_set *poll_set, struct corral_message *message, struct corral_fds *fds) {
  struct pollfd owner = poll_set->of[OWNER];
  if (owner.fd < 0)
    return 0;
  int answer = corral_message_receive(poll_set->of[LIFELINE].fd, message, fds);
  bool gone = answer != 1 && (answer != -EAGAIN || poll(&owner, 1, 0) > 0);
  if (gone)
    poll_set->of[LIFELINE].fd = poll_set->of[OWNER].fd = -1;
  return gone ? -1 : answer == 1;
}

bool poll_send(struct poll_set *poll_set, const struct corral_message *message, int fd) {
  struct corral_fds fds = {.fds = {fd}, .count = fd >= 0};
  for (;;) {
    struct pollfd both[] = {{.fd = poll_set->of[LIFELINE].fd, .events = POLLOUT}, poll_set->of[OWNER]};
    if (both[0].fd < 0)
      return false;
    int answer = corral_message_send(both[0].fd, message, &fds);
    if (answer != -EAGAIN)
      return answer == 0;
    (void)poll(both, 2, -1);
    if (both[1].revents)
      return false;
  }
}
