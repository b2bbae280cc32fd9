#define _GNU_SOURCE
#include "owner.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/message.h"
#include "../core/own.h"
#include "../core/pidfd.h"

// A fork and a few system calls; a machine that swaps takes its time.
#define PATIENCE_MS 10000

// What the guard says next: 0; -EPIPE when it is gone, -ETIMEDOUT. Descriptors are of processes that may come
// to an owner that is init, which reaps them all (reap_orphans() of run.c).
static int receive(int lifeline, int64_t wait_ms, struct corral_message *message) {
  struct corral_fds fds;
  if (!corral_readable(lifeline, wait_ms))
    return -ETIMEDOUT;
  const bool said = corral_message_receive(lifeline, message, &fds) == 1;
  corral_fds_close(&fds);
  return said ? 0 : -EPIPE;
}

static int expect(int lifeline, enum corral_message_kind kind) {
  struct corral_message message;
  const int answer = receive(lifeline, PATIENCE_MS, &message);
  return answer < 0 || message.kind == kind ? answer : -EPIPE;
}

static int send_kind(int lifeline, enum corral_message_kind kind) {
  return corral_message_send(lifeline, &(struct corral_message){.kind = kind}, NULL);
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
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
    return -errno;
  plan.owner = getpid();
  plan.lifeline = ends[1];
  plan.protocol = CORRAL_PROTOCOL;
  guarded->lifeline = ends[0];
  guarded->first = fork();
  if (guarded->first == 0)
    guard(&plan);
  int answer = guarded->first < 0 ? -errno : 0;
  close(ends[1]);
  if (!answer)
    answer = expect(guarded->lifeline, CORRAL_GUARD_READY);
  if (answer < 0)
    guard_drop(guarded);
  return answer;
}

int guard_move_in(struct guarded *guarded) {
  int answer = send_kind(guarded->lifeline, CORRAL_INSTANCE_MADE);
  if (!answer)
    answer = expect(guarded->lifeline, CORRAL_MOVED_IN);
  if (answer < 0) {
    guard_drop(guarded);
    return answer;
  }
  waitpid(guarded->first, NULL, 0);
  guarded->first = -1;
  return 0;
}

bool guard_over(struct guarded *guarded, int64_t wait_ms) {
  if (send_kind(guarded->lifeline, CORRAL_REMOVE_INSTANCE) < 0)
    return false;
  struct corral_message message;
  int answer;
  while ((answer = receive(guarded->lifeline, wait_ms, &message)) == 0)
    ;
  return answer == -EPIPE;
}
