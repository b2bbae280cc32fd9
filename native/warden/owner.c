#define _GNU_SOURCE
#include "owner.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/own.h"

// A fork and a few system calls; a machine that swaps takes its time.
#define PATIENCE_MS 10000

// The guard's next word: 0 when it says that; -EPIPE when it is gone, -ETIMEDOUT.
static int expect(int lifeline, char word) {
  struct pollfd slot = {.fd = lifeline, .events = POLLIN};
  int ready;
  while ((ready = poll(&slot, 1, PATIENCE_MS)) < 0 && errno == EINTR)
    ;
  if (ready <= 0)
    return ready < 0 ? -errno : -ETIMEDOUT;
  char heard;
  return recv(lifeline, &heard, 1, 0) == 1 && heard == word ? 0 : -EPIPE;
}

void guard_drop(struct guarded *guarded) {
  corral_drop_fd(&guarded->lifeline);
  if (guarded->first > 0)
    waitpid(guarded->first, NULL, 0);
  guarded->first = -1;
}

int guard_start(struct guard_plan plan, struct guarded *guarded) {
  int ends[2];
  *guarded = (struct guarded){.lifeline = -1, .first = -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
    return -errno;
  plan.owner = getpid();
  plan.lifeline = ends[1];
  guarded->lifeline = ends[0];
  guarded->first = fork();
  if (guarded->first == 0)
    guard(&plan);
  int answer = guarded->first < 0 ? -errno : 0;
  close(ends[1]);
  if (!answer)
    answer = expect(guarded->lifeline, GUARD_READY);
  if (answer < 0)
    guard_drop(guarded);
  return answer;
}

int guard_move_in(struct guarded *guarded) {
  int answer = send(guarded->lifeline, &(char){GUARD_MADE}, 1, MSG_NOSIGNAL) < 0 ? -errno : 0;
  if (!answer)
    answer = expect(guarded->lifeline, GUARD_MOVED_IN);
  if (answer < 0) {
    guard_drop(guarded);
    return answer;
  }
  waitpid(guarded->first, NULL, 0);
  guarded->first = -1;
  return 0;
}

bool guard_over(struct guarded *guarded, int64_t wait_ms) {
  if (send(guarded->lifeline, &(char){GUARD_OVER}, 1, MSG_NOSIGNAL) < 0)
    return false;
  struct pollfd end = {.fd = guarded->lifeline, .events = POLLIN};
  int ready;
  while ((ready = poll(&end, 1, (int)wait_ms)) < 0 && errno == EINTR)
    ;
  return ready == 1;
}
