// `corral run` where there is no cgroup: the command is below a reaper, and that below a keeper which is out
// of our process tree, so what it leaves never comes to a process that does not know of it. We are their
// owner, as a gateway is that of its own: all ends when we do, and the keeper ends what the reaper loses.
// Reaper and command are in our terminal session and process group, as a child of ours would be.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../core/account.h"
#include "../core/build.h"
#include "../core/language.h"
#include "../core/message.h"
#include "../core/own.h"
#include "../core/pidfd.h"
#include "../core/reap.h"
#include "clients.h"
#include "ended_record.h"
#include "log.h"
#include "memory_watch.h"
#include "monitor.h"
#include "run.h"
#include "subreaper_client.h"
#include "wait.h"

// How much longer than its bounds a reaper, and then the keeper, may take for ending all.
#define PATIENCE_MS 2000
#define COMMAND_ID 1

enum { REAPER = FIRST_OF_MECHANISM, KEEPER };

struct run {
  struct monitor monitor; // first, so that it is this struct, too
  const struct run_plan *plan;
  const char *door; // of the session to join; NULL: this is one of its own
  uid_t door_owner;
  struct subreaper_client client;
  int64_t impatient_ms;        // when to do without the one that is to end all; 0: nobody is
  bool recorded;               // its line is written
  struct corral_record known;  // what the reaper said of its usage
  bool ended, collected, left; // what reaper and keeper said: all is ended, by one or the other, or it is not
};

// ---- ending ----

static void be_patient(struct run *run, int64_t ms) {
  run->impatient_ms = corral_now_ms() + ms + run->plan->end.kill_ms + PATIENCE_MS;
}

static void end_all(struct monitor *monitor, int64_t drain_ms, int64_t grace_ms) {
  struct run *run = (struct run *)monitor;
  const struct corral_end_plan plan = {
      .drain_ms = drain_ms, .grace_ms = grace_ms, .kill_ms = run->plan->end.kill_ms};
  monitor_ending(monitor);
  if (monitor->fds[REAPER].fd < 0)
    return; // the keeper is at it
  subreaper_client_end(&run->client, &plan);
  be_patient(run, drain_ms + grace_ms);
}

// One that does not answer is killed: its keeper ends what it holds.
static bool lose_patience(struct run *run) {
  if (run->monitor.fds[REAPER].fd < 0)
    return false;
  (void)corral_pidfd_signal(run->client.reaper_pidfd, SIGKILL);
  be_patient(run, 0);
  return true;
}

static void reaper_gone(struct run *run) {
  run->monitor.fds[REAPER].fd = -1;
  monitor_ending(&run->monitor);
  (void)corral_pidfd_signal(run->client.keeper_pidfd, SIGCONT);
  be_patient(run, 0);
}

static void give_up_start(struct monitor *monitor) {
  subreaper_client_cancel(&((struct run *)monitor)->client, COMMAND_ID);
}

// ---- what is received ----

static void handle_refusal(struct run *run, const struct corral_message *message) {
  struct corral_error error;
  corral_fail(&error, message->error_number, message->error_operation, message->error_path);
  (void)subreaper_client_record(&run->client, NULL);
  monitor_refused(&run->monitor, &error);
}

static void handle_exit(struct run *run, const struct corral_message *message) {
  monitor_exited(&run->monitor, (struct corral_exit){.code = (int)message->values.exited.code,
                                                     .signal = (int)message->values.exited.signal});
}

// `ended`: what the reaper says; NULL: it says nothing any more.
static void write_record(struct run *run, const struct corral_message *ended) {
  static char words[RECORD_WORDS];
  const char *names[CORRAL_NAMES];
  struct corral_record record;
  struct corral_ledger ledger;
  struct corral_error error;
  struct corral_json line = {0};
  const struct monitor *monitor = &run->monitor;
  if (!*run->plan->record || run->recorded || monitor->refused)
    return;
  run->recorded = true;
  if (snprintf(words, sizeof words, "%s", run->plan->record) >= (int)sizeof words ||
      !corral_record_parse(words, &record, &ledger))
    return;
  record.writer = "run";
  record.reason = monitor->reason ? monitor->reason : CORRAL_HOLDER_KILLED;
  if (monitor->leader_ended)
    corral_record_exit(&record, monitor->exit.code, monitor->exit.signal);
  if (ended)
    record_ended(&record, ended, names);
  corral_record_write(&line, &record);
  if (corral_account_write_lines(&ledger, &line, &error) < 0)
    log_error("the ledger cannot be written", &error);
  corral_json_free(&line);
  (void)subreaper_client_record(&run->client, NULL);
}

static void handle_end(struct run *run, const struct corral_message *message) {
  run->ended = message->values.ended.empty == 1;
  if (run->ended) {
    const char *names[CORRAL_NAMES];
    write_record(run, message);
    record_ended(&run->known, message, names);
    run->known.name_count = 0; // they are the message's
  }
  run->left = !run->ended;
  if (run->left)
    log_message("%u processes outlived SIGKILL", message->left_count);
}

static void handle_message(struct run *run, const struct corral_message *message, struct corral_fds *fds) {
  if (message->kind == CORRAL_STARTED && fds->count == 1) {
    fds->count = 0;
    monitor_started(&run->monitor, fds->fds[0], (pid_t)message->values.started.pid);
  } else if (message->kind == CORRAL_REFUSED)
    handle_refusal(run, message);
  else if (message->kind == CORRAL_STOPPED)
    stop_as((int)message->values.stopped.signal);
  else if (message->kind == CORRAL_EXITED)
    handle_exit(run, message);
  else if (message->kind == CORRAL_ENDED)
    handle_end(run, message);
  else if (message->kind == CORRAL_CLEAN)
    run->collected = true;
}

// All that came over a lifeline. False at its end.
static bool receive(struct run *run, int link) {
  struct corral_message message;
  struct corral_fds fds;
  int answer;
  while ((answer = corral_message_receive(link, &message, &fds)) == 1) {
    handle_message(run, &message, &fds);
    corral_fds_close(&fds);
  }
  return answer == -EAGAIN;
}

static void handle_events(struct run *run) {
  struct pollfd *fds = run->monitor.fds;
  if (fds[REAPER].revents && !receive(run, fds[REAPER].fd))
    reaper_gone(run);
  if (fds[KEEPER].revents && !receive(run, fds[KEEPER].fd))
    fds[KEEPER].fd = -1; // the reaper holds alone, if it lives
}

// ---- from start to end ----

static bool is_over(const struct run *run) {
  const struct pollfd *fds = run->monitor.fds;
  return (fds[REAPER].fd < 0 && fds[KEEPER].fd < 0) || run->left || (run->door && run->monitor.leader_ended);
}

// Until reaper and keeper are gone, or something outlives them; or the command, where others see to the rest.
static void supervise(struct run *run) {
  while (!is_over(run)) {
    if (monitor_poll(&run->monitor, run->impatient_ms ? until(run->impatient_ms) : -1))
      handle_events(run);
    if (run->impatient_ms && corral_now_ms() >= run->impatient_ms && !lose_patience(run))
      return;
    monitor_check(&run->monitor);
  }
}

// Their lifelines end a moment before them.
static void await_both(const struct run *run) {
  if (run->monitor.fds[REAPER].fd < 0)
    (void)corral_readable(run->client.reaper_pidfd, PATIENCE_MS);
  if (run->monitor.fds[KEEPER].fd < 0)
    (void)corral_readable(run->client.keeper_pidfd, PATIENCE_MS);
}

// What both have lost still bears the mark of the session. True when nobody does any more.
static bool end_marked(const struct run *run) {
  struct corral_reap reap;
  const struct corral_end_plan plan = {.kill_ms = run->plan->end.kill_ms};
  int64_t mark = run->client.mark;
  const struct corral_marked marked = {.marks = {&mark, 1, 1}, .leader_fd = -1};
  const struct corral_walk whom = {.marked = &marked};
  corral_reap_begin(&reap, &plan, &whom, corral_now_ms());
  for (int64_t wait_ms; (wait_ms = corral_reap_step(&reap, CORRAL_REAPED, corral_now_ms())) >= 0;)
    (void)poll(NULL, 0, (int)wait_ms);
  const bool empty = reap.state == CORRAL_EMPTY;
  if (!empty)
    log_message("%zu processes outlived SIGKILL", reap.left.count);
  corral_reap_finish(&reap);
  return empty;
}

// True when all was ended, by the reaper or the keeper, or by us after both were killed.
static bool all_ended(const struct run *run) {
  if (run->ended || run->collected)
    return true;
  if (run->client.mark)
    return !run->left && end_marked(run);
  if (run->monitor.leader >= 0 && corral_pidfd_signal(run->monitor.leader, SIGKILL) == 0)
    (void)corral_readable(run->monitor.leader, run->plan->end.kill_ms);
  if (!run->left)
    log_message("what held the command was killed: of what it started, only itself is ended");
  return false;
}

static int start(struct run *run) {
  const struct run_plan *plan = run->plan;
  struct corral_error error = {0};
  const struct keeper_plan keeper = {.kill_ms = plan->end.kill_ms,
                                     .scan = plan->scan,
                                     .door = run->door,
                                     .door_owner = run->door_owner,
                                     .words = plan->words};
  int answer = subreaper_client_start(keeper, &run->client, &error);
  if (answer < 0) {
    if (run->door && error.number == ECONNREFUSED)
      log_message("the session at %s is over: start another one", run->door);
    else if (run->door && error.number == EUSERS)
      log_message(
          "the session at %s has %d commands that were started by others, as many as it can have: wait for "
          "one to end, or start another session",
          run->door, CLIENTS_JOINED);
    else if (run->door && error.number == EPROTONOSUPPORT)
      log_message("the session at %s speaks protocol %s, and this is %d, of version %s: use the package of "
                  "its gateway, or restart that",
                  run->door, error.path, CORRAL_PROTOCOL, CORRAL_VERSION);
    else if (run->door)
      log_message("the session at %s cannot be entered: %s", run->door, log_reason(error.number));
    else
      log_error("nothing can be held", &error);
    return STATUS_FAILED;
  }
  if (*plan->shown)
    (void)subreaper_client_label(&run->client, plan->shown);
  if (*plan->record)
    (void)subreaper_client_record(&run->client, plan->record);
  answer = subreaper_client_spawn(&run->client, COMMAND_ID, plan);
  if (answer == 0)
    return 0;
  log_message("'%s' cannot be started: %s", plan->process.spawn.command, log_reason(-answer));
  return STATUS_FAILED;
}

static int begin(struct run *run, const struct run_plan *plan, const char *door, uid_t door_owner) {
  static const struct mechanism subreaper = {.end = end_all, .give_up_start = give_up_start};
  *run = (struct run){.plan = plan, .door = door, .door_owner = door_owner, .known = corral_record_unknown()};
  monitor_open(&run->monitor, plan, &subreaper);
  run->monitor.joins = door;
  if (!door)
    monitor_watch_parent(&run->monitor);
  int status = start(run);
  if (status)
    return status;
  run->monitor.fds[REAPER].fd = run->client.reaper;
  run->monitor.fds[KEEPER].fd = run->client.keeper;
  monitor_begin(&run->monitor,
                (struct memory_watch){.reaper = run->client.reaper_pid, .cap = plan->memory_cap});
  supervise(run);
  return 0;
}

int run_subreaper(const struct run_plan *plan) {
  struct run run;
  int status = begin(&run, plan, NULL, 0);
  if (status)
    return status;
  await_both(&run);
  if (!all_ended(&run))
    return STATUS_FAILED;
  write_record(&run, NULL);
  monitor_sum_up(&run.monitor, &run.known);
  return monitor_finish(&run.monitor);
}

int enter_subreaper(const struct run_plan *plan, const char *door, uid_t door_owner) {
  struct run run;
  int status = begin(&run, plan, door, door_owner);
  if (status)
    return status;
  if (!run.monitor.leader_ended)
    (void)all_ended(&run);
  return monitor_finish(&run.monitor);
}
