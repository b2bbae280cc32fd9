#define _GNU_SOURCE
#include "hold.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../core/collect.h"
#include "../core/mark.h"
#include "../core/own.h"
#include "../core/pidfd.h"
#include "../core/reap.h"
#include "hold_guests.h"
#include "holder.h"
#include "starts.h"
#include "wait.h"

// How long to leave alone what outlived SIGKILL (uninterruptible sleep) before it is tried again, once nobody
// is left to be told of it.
#define TRY_AGAIN_S 1

// ---- children ----

static struct started *find(struct holder *holder, pid_t pid) {
  for (size_t i = 0; i < holder->count; i++)
    if (holder->started[i].pid == pid)
      return &holder->started[i];
  return NULL;
}

static void tell_exit(struct holder *holder, struct started *one, const siginfo_t *info) {
  bool exited = info->si_code == CLD_EXITED;
  struct corral_message message = {.kind = CORRAL_EXITED,
                                   .id = one->id,
                                   .number = exited ? info->si_status : -1,
                                   .second = exited ? 0 : info->si_status};
  (void)ears_say(&holder->ears, &message, -1);
  holder->served = true;
  say(holder->host, &(struct corral_message){.kind = CORRAL_LEFT}, -1);
  *one = holder->started[--holder->count];
}

// Who waits for the process where it is not the holder that it sees.
static void tell_stops(struct holder *holder) {
  for (size_t i = 0; i < holder->count; i++) {
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)holder->started[i].pid, &info, WSTOPPED | WNOHANG) < 0 || !info.si_pid)
      continue;
    const struct corral_message message = {
        .kind = CORRAL_STOPPED, .id = holder->started[i].id, .number = info.si_status};
    (void)ears_say(&holder->ears, &message, -1);
  }
}

// Reaps, and tells how the processes ended that it was asked for: before they are reaped, as their pids are
// theirs up to then. __WALL: also those that were cloned without SIGCHLD.
static enum corral_reaped reap_children(struct holder *holder) {
  for (size_t left = corral_reap_at_once(holder->ending ? &holder->reap : NULL); left > 0; left--) {
    siginfo_t info = {0};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) < 0)
      return errno == ECHILD ? CORRAL_CHILDLESS : CORRAL_REAPED;
    if (info.si_pid == 0)
      return CORRAL_REAPED;
    take_start_of(holder, info.si_pid); // it was exec'ed, and has ended already
    struct started *one = find(holder, info.si_pid);
    if (one)
      tell_exit(holder, one, &info);
    (void)waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG | __WALL);
  }
  return CORRAL_MORE_TO_REAP;
}

// ---- ending ----

void begin_end(struct holder *holder, const struct corral_end_plan *plan) {
  int64_t now_ms = corral_now_ms();
  end_guests(holder, plan, now_ms);
  if (holder->ending) {
    corral_reap_hasten(&holder->reap, plan->grace_ms, now_ms);
    return;
  }
  corral_reap_begin(&holder->reap, plan, &(struct corral_walk){.scan = holder->scan}, now_ms);
  holder->ending = holder->closed = true;
}

static struct corral_message own_end(const struct corral_reap *reap) {
  struct corral_message message = {
      .kind = CORRAL_ENDED, .killed = reap->killed.count, .name_count = reap->name_count};
  memcpy(message.names, reap->names, sizeof message.names);
  for (; message.left_count < reap->left.count && message.left_count < CORRAL_MESSAGE_LEFT;
       message.left_count++)
    message.left[message.left_count] = reap->left.pids[message.left_count];
  struct rusage used;
  getrusage(RUSAGE_CHILDREN, &used);
  message.cpu_user_us = used.ru_utime.tv_sec * 1000000LL + used.ru_utime.tv_usec;
  message.cpu_system_us = used.ru_stime.tv_sec * 1000000LL + used.ru_stime.tv_usec;
  return message;
}

// True when all is ended.
static bool tell_end(struct holder *holder) {
  struct corral_message message = own_end(&holder->reap);
  add_guests_end(holder, &message);
  message.number = holder->reap.state == CORRAL_EMPTY && message.left_count == 0;
  (void)ears_say(&holder->ears, &message, -1);
  tell_guests(holder, &message);
  return message.number == 1;
}

// Where something outlived the killing: the gateway says when to try again; without one it is tried for ever.
static void conclude(struct holder *holder) {
  const struct timespec pause = {.tv_sec = TRY_AGAIN_S};
  // That nobody lives was seen after the last look at who has ended: the exit of who ended in between is to
  // be told
  while (holder->reap.state == CORRAL_EMPTY && reap_children(holder) == CORRAL_MORE_TO_REAP)
    ;
  if (tell_end(holder))
    _exit(0);
  corral_reap_finish(&holder->reap);
  holder->ending = false;
  if (!holder->orphaned)
    return;
  nanosleep(&pause, NULL);
  begin_end(holder, &orphaned);
}

// How long to wait for the next step, or -1 when there is none.
static int64_t step(struct holder *holder, enum corral_reaped reaped) {
  int64_t wait_ms = corral_reap_step(&holder->reap, reaped, corral_now_ms());
  if (wait_ms >= 0 || holder->reap.state != CORRAL_EMPTY || guests_joined(&holder->guests) == 0)
    return wait_ms;
  return until(holder->guests_ms) > 0 ? until(holder->guests_ms) : -1;
}

// ---- the owner ----

// A command that has ended is not its owner's any more, but its session's.
static void lose_owner(struct holder *holder) {
  if (holder->host >= 0 && holder->served)
    return;
  holder->orphaned = true;
  begin_end(holder, &orphaned);
}

static void take_labels(struct holder *holder, struct corral_fds *fds) {
  if (fds->count != 1)
    return;
  corral_drop_fd(&holder->labels);
  holder->labels = fds->fds[0];
  fds->count = 0;
}

static void take_end(struct holder *holder, const struct corral_message *message) {
  const struct corral_end_plan plan = corral_end_plan_of(message);
  begin_end(holder, &plan);
}

static void take_words(struct holder *holder) {
  struct corral_message message;
  struct corral_fds fds;
  for (int heard; (heard = ears_hear(&holder->ears, &message, &fds)) != 0;) {
    if (heard < 0) {
      lose_owner(holder);
      return;
    }
    if (message.kind == CORRAL_SPAWN)
      take_spawn(holder, message.id, &fds);
    else if (message.kind == CORRAL_CANCEL)
      cancel_start(holder, message.id, (int)message.number);
    else if (message.kind == CORRAL_END)
      take_end(holder, &message);
    else if (message.kind == CORRAL_LABELS)
      take_labels(holder, &fds);
    corral_fds_close(&fds);
  }
}

_Noreturn void hold(const struct hold_plan *plan) {
  struct holder holder = {
      .scan = plan->scan, .starts = -1, .labels = -1, .host = -1, .guests = {.any = -1, .door = -1}};
  become_subreaper();
  ears_open(&holder.ears, &(struct ears_plan){.name = "corral-holder",
                                              .lifeline = plan->lifeline,
                                              .owner = plan->owner,
                                              .in_place = plan->in_place,
                                              .kept = plan->host});
  if (plan->host >= 0)
    join_or_exit(&holder);
  else
    open_door(&holder);
  CORRAL_OWNED_FD own = corral_pidfd_open(getpid());
  struct corral_message held = {.kind = CORRAL_HELD, .number = getpid(), .second = corral_mark_self()};
  (void)ears_say(&holder.ears, &held, own);
  corral_drop_fd(&own);
  for (int64_t wait_ms = -1;;) {
    take_words(&holder);
    hear_guests(&holder);
    hear_host(&holder);
    take_starts(&holder);
    tell_stops(&holder);
    enum corral_reaped reaped = reap_children(&holder);
    wait_ms = holder.ending ? step(&holder, reaped) : -1;
    if (holder.ending && wait_ms < 0)
      conclude(&holder);
    else
      ears_wait(&holder.ears, reaped == CORRAL_MORE_TO_REAP ? 0 : wait_ms);
  }
}
