#define _GNU_SOURCE
#include "reaper.h"

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

#include "../core/account.h"
#include "../core/collect.h"
#include "../core/mark.h"
#include "../core/own.h"
#include "../core/pidfd.h"
#include "../core/reap.h"
#include "ended_record.h"
#include "reaper_clients.h"
#include "reaper_state.h"
#include "starts.h"
#include "wait.h"

// How long to leave alone what outlived SIGKILL (uninterruptible sleep) before it is tried again, once nobody
// is left to be told of it.
#define TRY_AGAIN_S 1
// How long an owner that lives may take to write a line.
#define RECORDED_MS 5000

// ---- children ----

static struct started *find(struct reaper *reaper, pid_t pid) {
  for (size_t i = 0; i < reaper->count; i++)
    if (reaper->started[i].pid == pid)
      return &reaper->started[i];
  return NULL;
}

static void send_exit(struct reaper *reaper, struct started *one, const siginfo_t *info) {
  bool exited = info->si_code == CLD_EXITED;
  struct corral_message message = {
      .kind = CORRAL_EXITED,
      .id = one->id,
      .values.exited = {.code = exited ? info->si_status : -1, .signal = exited ? 0 : info->si_status}};
  (void)poll_send(&reaper->poll_set, &message, -1);
  reaper->served = true;
  send_to(reaper->host, &(struct corral_message){.kind = CORRAL_LEFT}, -1);
  *one = reaper->started[--reaper->count];
}

// Who waits for the process where it is not the reaper that it sees.
static void send_stops(struct reaper *reaper) {
  for (size_t i = 0; i < reaper->count; i++) {
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)reaper->started[i].pid, &info, WSTOPPED | WNOHANG) < 0 || !info.si_pid)
      continue;
    const struct corral_message message = {
        .kind = CORRAL_STOPPED, .id = reaper->started[i].id, .values.stopped.signal = info.si_status};
    (void)poll_send(&reaper->poll_set, &message, -1);
  }
}

// Reaps, and tells how the processes ended that it was asked for: before they are reaped, as their pids are
// theirs up to then. __WALL: also those that were cloned without SIGCHLD.
static enum corral_reaped reap_children(struct reaper *reaper) {
  for (size_t left = corral_reap_at_once(reaper->ending ? &reaper->reap : NULL); left > 0; left--) {
    siginfo_t info = {0};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) < 0)
      return errno == ECHILD ? CORRAL_CHILDLESS : CORRAL_REAPED;
    if (info.si_pid == 0)
      return CORRAL_REAPED;
    finish_start_of(reaper, info.si_pid); // it was exec'ed, and has ended already
    struct started *one = find(reaper, info.si_pid);
    if (one)
      send_exit(reaper, one, &info);
    (void)waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG | __WALL);
  }
  return CORRAL_MORE_TO_REAP;
}

// ---- ending ----

// Ends all, those that have joined too; a second call with less grace shortens the first.
static void begin_end(struct reaper *reaper, const struct corral_end_plan *plan) {
  int64_t now_ms = corral_now_ms();
  end_clients(reaper, plan, now_ms);
  if (reaper->ending) {
    corral_reap_shorten(&reaper->reap, plan->grace_ms, now_ms);
    return;
  }
  corral_reap_begin(&reaper->reap, plan, &(struct corral_walk){.scan = reaper->scan}, now_ms);
  reaper->ending = reaper->closed = true;
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
static bool send_end(struct reaper *reaper) {
  struct corral_message message = own_end(&reaper->reap);
  add_clients_end(reaper, &message);
  message.values.ended.empty = reaper->reap.state == CORRAL_EMPTY && message.left_count == 0;
  (void)poll_send(&reaper->poll_set, &message, -1);
  send_end_to_clients(reaper, &message);
  return message.values.ended.empty == 1;
}

// Whether the owner lives, and writes the line: it says so, or takes its time.
static bool owner_records(struct reaper *reaper) {
  const int64_t until_ms = corral_now_ms() + RECORDED_MS;
  while (reaper->record >= 0 && !reaper->orphaned && until(until_ms) > 0) {
    struct corral_message message;
    struct corral_fds fds;
    const int received = poll_receive(&reaper->poll_set, &message, &fds);
    if (received < 0)
      return false;
    if (received == 0) {
      poll_wait(&reaper->poll_set, until(until_ms));
      continue;
    }
    corral_fds_close(&fds);
    if (message.kind == CORRAL_RECORDED)
      return true;
  }
  return !reaper->orphaned;
}

static void write_record(struct reaper *reaper) {
  static char words[RECORD_WORDS];
  struct corral_record record;
  struct corral_ledger ledger;
  struct corral_error error;
  struct corral_json line = {0};
  const ssize_t length = corral_text_read(reaper->record, words, sizeof words - 1);
  if (length < 0 || !corral_record_parse(words, &record, &ledger))
    return;
  const struct corral_message ended = own_end(&reaper->reap);
  record.writer = "keeper";
  record.reason = CORRAL_GATEWAY_GONE;
  const char *names[CORRAL_NAMES];
  record_ended(&record, &ended, names);
  corral_record_write(&line, &record);
  (void)corral_account_write_lines(&ledger, &line, &error);
}

// Where something outlived the killing: the gateway says when to try again; without one it is tried for ever.
static void conclude(struct reaper *reaper) {
  const struct timespec pause = {.tv_sec = TRY_AGAIN_S};
  // That nobody lives was seen after the last look at who has ended: the exit of who ended in between is to
  // be told
  while (reaper->reap.state == CORRAL_EMPTY && reap_children(reaper) == CORRAL_MORE_TO_REAP)
    ;
  if (send_end(reaper)) {
    if (reaper->record >= 0 && !owner_records(reaper))
      write_record(reaper);
    _exit(0);
  }
  corral_reap_finish(&reaper->reap);
  reaper->ending = false;
  if (!reaper->orphaned)
    return;
  nanosleep(&pause, NULL);
  begin_end(reaper, &orphaned);
}

// How long to wait for the next step, or -1 when there is none.
static int64_t step(struct reaper *reaper, enum corral_reaped reaped) {
  int64_t wait_ms = corral_reap_step(&reaper->reap, reaped, corral_now_ms());
  if (wait_ms >= 0 || reaper->reap.state != CORRAL_EMPTY || clients_joined(&reaper->clients) == 0)
    return wait_ms;
  return until(reaper->clients_ms) > 0 ? until(reaper->clients_ms) : -1;
}

// ---- the owner ----

// A command that has ended is not its owner's any more, but its session's.
static void lose_owner(struct reaper *reaper) {
  if (reaper->host >= 0 && reaper->served)
    return;
  reaper->orphaned = true;
  begin_end(reaper, &orphaned);
}

static void handle_labels(struct reaper *reaper, struct corral_fds *fds) {
  if (fds->count != 1)
    return;
  corral_drop_fd(&reaper->labels);
  reaper->labels = fds->fds[0];
  fds->count = 0;
}

static void handle_record(struct reaper *reaper, struct corral_fds *fds) {
  corral_drop_fd(&reaper->record);
  if (fds->count != 1)
    return;
  reaper->record = fds->fds[0];
  fds->count = 0;
}

static void handle_end(struct reaper *reaper, const struct corral_message *message) {
  const struct corral_end_plan plan = corral_end_plan_of(message);
  begin_end(reaper, &plan);
}

static void handle_messages(struct reaper *reaper) {
  struct corral_message message;
  struct corral_fds fds;
  for (int received; (received = poll_receive(&reaper->poll_set, &message, &fds)) != 0;) {
    if (received < 0) {
      lose_owner(reaper);
      return;
    }
    if (message.kind == CORRAL_SPAWN)
      handle_spawn(reaper, message.id, &fds);
    else if (message.kind == CORRAL_CANCEL)
      cancel_start(reaper, message.id, (int)message.values.cancel.error);
    else if (message.kind == CORRAL_END)
      handle_end(reaper, &message);
    else if (message.kind == CORRAL_LABELS)
      handle_labels(reaper, &fds);
    else if (message.kind == CORRAL_RECORD)
      handle_record(reaper, &fds);
    else if (message.kind == CORRAL_RECORDED)
      corral_drop_fd(&reaper->record);
    corral_fds_close(&fds);
  }
}

_Noreturn void run_reaper(const struct reaper_plan *plan) {
  struct reaper reaper = {.scan = plan->scan,
                          .words = plan->words,
                          .starts = -1,
                          .labels = -1,
                          .record = -1,
                          .host = -1,
                          .clients = {.any = -1, .door = -1}};
  become_subreaper();
  poll_set_open(&reaper.poll_set, &(struct poll_set_plan){.name = CORRAL_REAPER_TITLE,
                                                          .lifeline = plan->lifeline,
                                                          .owner = plan->owner,
                                                          .in_place = plan->in_place,
                                                          .kept = {plan->host, -1}});
  if (plan->host >= 0)
    join_or_exit(&reaper);
  else
    open_door(&reaper);
  CORRAL_OWNED_FD own = corral_pidfd_open(getpid());
  struct corral_message held = {.kind = CORRAL_REAPER_READY,
                                .values.reaper_ready = {.pid = getpid(), .mark = corral_mark_self()}};
  (void)poll_send(&reaper.poll_set, &held, own);
  corral_drop_fd(&own);
  for (int64_t wait_ms = -1;;) {
    handle_messages(&reaper);
    for (struct corral_end_plan plan;
         receive_from_clients(&reaper, &plan) || receive_from_host(&reaper, &plan);)
      begin_end(&reaper, &plan);
    finish_starts(&reaper);
    send_stops(&reaper);
    enum corral_reaped reaped = reap_children(&reaper);
    wait_ms = reaper.ending ? step(&reaper, reaped) : -1;
    if (reaper.ending && wait_ms < 0)
      conclude(&reaper);
    else
      poll_wait(&reaper.poll_set, reaped == CORRAL_MORE_TO_REAP ? 0 : wait_ms);
  }
}
