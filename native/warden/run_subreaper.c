// `corral run` where there is no cgroup: the command is below a reaper, and that below a keeper which is out
// of our process tree, so what it leaves never comes to a process that does not know of it. We are their
// owner, as a gateway is that of its own: all ends when we do, and the keeper ends what the reaper loses.
// Holder and command are in our terminal session and process group, as a child of ours would be.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "../core/build.h"
#include "../core/language.h"
#include "../core/own.h"
#include "../core/pidfd.h"
#include "../core/reap.h"
#include "clients.h"
#include "log.h"
#include "memory_watch.h"
#include "monitor.h"
#include "run.h"
#include "subreaper_client.h"
#include "wait.h"

#define FORCED_GRACE_MS 0
// How much longer than its bounds a reaper, and then the keeper, may take for ending all.
#define PATIENCE_MS 2000
#define COMMAND_ID 1

// That nobody has told how the command ended means that it was killed with who would have.
static const struct corral_exit KILLED = {.code = -1, .signal = SIGKILL};

enum poll_slot { SIGNALS, PARENT, INPUT, REAPER, KEEPER, POLL_SLOTS };

struct run {
  const struct subreaper_run *plan;
  const char *door; // of the session to join; NULL: this is one of its own
  struct subreaper_client held;
  struct pollfd poll_set[POLL_SLOTS]; // poll() passes over those with a negative fd
  struct memory_watch memory;
  int leader; // pidfd; -1: there is none
  pid_t leader_pid;
  sigset_t early; // what the command is to get once its start is told: it may run before that
  bool ending, leader_ended;
  struct corral_exit exit;
  int64_t end_by_ms;           // when the command has to have ended; 0: there is no such time, or it is over
  bool timed_out;              // that was why all was ended
  int64_t start_by_ms;         // when the command has to be exec'ed; 0: that is over
  int refused;                 // the exit status when the command cannot be started; 0: it can
  int64_t impatient_ms;        // when to do without the one that is to end all; 0: nobody is
  bool ended, collected, left; // what reaper and keeper said: all is ended, by one or the other, or it is not
};

// ---- ending ----

static void be_patient(struct run *run, int64_t ms) {
  run->impatient_ms = corral_now_ms() + ms + run->plan->end.kill_ms + PATIENCE_MS;
}

static void end_as_planned(struct run *run, const struct corral_end_plan *plan) {
  run->ending = true;
  run->memory.look_ms = -1;
  if (run->poll_set[REAPER].fd < 0)
    return; // the keeper is at it
  subreaper_client_end(&run->held, plan);
  be_patient(run, plan->drain_ms + plan->grace_ms);
}

static void begin_end(struct run *run, int64_t grace_ms) {
  end_as_planned(run, &(struct corral_end_plan){.grace_ms = grace_ms, .kill_ms = run->plan->end.kill_ms});
}

// The command has ended, and what it left may end by itself.
static void drain(struct run *run) {
  end_as_planned(
      run, &(struct corral_end_plan){.drain_ms = run->plan->end.drain_ms, .kill_ms = run->plan->end.kill_ms});
}

// One that does not answer is killed: its keeper ends what it holds.
static bool lose_patience(struct run *run) {
  if (run->poll_set[REAPER].fd < 0)
    return false;
  (void)corral_pidfd_signal(run->held.reaper_pidfd, SIGKILL);
  be_patient(run, 0);
  return true;
}

static void reaper_gone(struct run *run) {
  run->poll_set[REAPER].fd = -1;
  run->ending = true;
  run->memory.look_ms = -1;
  (void)corral_pidfd_signal(run->held.keeper_pidfd, SIGCONT);
  be_patient(run, 0);
}

// ---- what is heard ----

static void pass_on(struct run *run, int number) {
  if (run->leader < 0)
    sigaddset(&run->early, number);
  else if (!run->leader_ended)
    (void)corral_pidfd_signal(run->leader, number);
}

static void finish_start(struct run *run, int leader, pid_t pid) {
  run->start_by_ms = 0;
  run->leader = leader;
  run->leader_pid = pid;
  let_go_of_output();
  inherited_drop(run->plan->inherited);
  for (int number = 1; number < NSIG; number++)
    if (sigismember(&run->early, number) == 1)
      pass_on(run, number);
}

// A hang-up goes also to the first process of the terminal session.
static bool has_it_already(const struct run *run, const struct signalfd_siginfo *signal) {
  return is_of_terminal(signal) && (!run->door || getpgid(run->leader_pid) == getpgrp());
}

// SIGTERM and SIGHUP end a session of its own, a second one at once. Others are the command's.
static void handle_signal(struct run *run, const struct signalfd_siginfo *signal) {
  const int number = (int)signal->ssi_signo;
  const bool ends = number == SIGTERM || number == SIGHUP;
  const bool asked_anyway = number == SIGTERM && !run->door; // by the end that follows
  if (number == SIGCHLD)                                     // of a keeper's first process
    return;
  if (!asked_anyway && !has_it_already(run, signal))
    pass_on(run, number);
  if (ends && !run->door)
    begin_end(run, run->ending ? FORCED_GRACE_MS : run->plan->end.grace_ms);
}

static void read_signals(struct run *run) {
  struct signalfd_siginfo signal;
  while (read(run->poll_set[SIGNALS].fd, &signal, sizeof signal) == sizeof signal)
    handle_signal(run, &signal);
}

static void handle_refusal(struct run *run, const struct corral_message *message) {
  struct corral_error error;
  run->start_by_ms = 0;
  corral_fail(&error, message->error_number, message->error_operation, message->error_path);
  if (run->ending && error.number == ECANCELED)
    run->refused = STATUS_SIGNALLED + SIGTERM; // ended before it was started
  else
    run->refused = log_refused(run->plan->command[0], &error);
  begin_end(run, FORCED_GRACE_MS);
}

static void handle_exit(struct run *run, const struct corral_message *message) {
  run->leader_ended = true;
  run->exit = (struct corral_exit){.code = (int)message->values.exited.code,
                                   .signal = (int)message->values.exited.signal};
  if (!run->ending && !run->door) // what it left is its session's
    drain(run);
}

static void handle_end(struct run *run, const struct corral_message *message) {
  run->ended = message->values.ended.empty == 1;
  run->left = !run->ended;
  if (run->left)
    log_message("%u processes outlived SIGKILL", message->left_count);
}

static void handle_message(struct run *run, const struct corral_message *message, struct corral_fds *fds) {
  if (message->kind == CORRAL_STARTED && fds->count == 1) {
    fds->count = 0;
    finish_start(run, fds->fds[0], (pid_t)message->values.started.pid);
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

// Our parent's end alone says nothing (it may have been a shell in between), nor does that of our input alone
// (a client may close it and wait for the answer). Both together: nobody is left.
static void handle_events(struct run *run) {
  struct pollfd *poll_set = run->poll_set;
  if (poll_set[SIGNALS].revents)
    read_signals(run);
  if (poll_set[INPUT].revents & (POLLHUP | POLLERR)) {
    poll_set[INPUT].fd = -1;
    begin_end(run, run->plan->end.grace_ms);
  }
  if (poll_set[PARENT].revents) {
    poll_set[PARENT].fd = -1;
    poll_set[INPUT] = (struct pollfd){.fd = STDIN_FILENO}; // no events asked for: POLLHUP comes all the same
  }
  if (poll_set[REAPER].revents && !receive(run, poll_set[REAPER].fd))
    reaper_gone(run);
  if (poll_set[KEEPER].revents && !receive(run, poll_set[KEEPER].fd))
    poll_set[KEEPER].fd = -1; // the reaper holds alone, if it lives
}

// ---- from start to end ----

static int64_t next_wait(const struct run *run) {
  int64_t wait_ms = run->memory.look_ms >= 0 ? until(run->memory.look_ms) : -1;
  if (run->start_by_ms)
    wait_ms = sooner(wait_ms, until(run->start_by_ms));
  if (run->end_by_ms)
    wait_ms = sooner(wait_ms, until(run->end_by_ms));
  return run->impatient_ms ? sooner(wait_ms, until(run->impatient_ms)) : wait_ms;
}

static bool is_over(const struct run *run) {
  return (run->poll_set[REAPER].fd < 0 && run->poll_set[KEEPER].fd < 0) || run->left ||
         (run->door && run->leader_ended);
}

static void time_out(struct run *run) {
  run->end_by_ms = 0;
  if (run->ending)
    return;
  run->timed_out = true;
  begin_end(run, run->plan->end.grace_ms);
}

// Until reaper and keeper are gone, or something outlives them; or the command, where others see to the rest.
static void supervise(struct run *run) {
  while (!is_over(run)) {
    for (int i = 0; i < POLL_SLOTS; i++)
      run->poll_set[i].revents = 0;
    if (poll(run->poll_set, POLL_SLOTS, (int)next_wait(run)) > 0)
      handle_events(run);
    int64_t now_ms = corral_now_ms();
    if (run->start_by_ms && now_ms >= run->start_by_ms) {
      run->start_by_ms = 0;
      subreaper_client_cancel(&run->held, COMMAND_ID);
    }
    if (run->end_by_ms && now_ms >= run->end_by_ms)
      time_out(run);
    if (run->impatient_ms && now_ms >= run->impatient_ms && !lose_patience(run))
      return;
    if (run->memory.look_ms >= 0 && memory_watch_step(&run->memory, now_ms))
      begin_end(run, FORCED_GRACE_MS);
  }
}

static void await_end(int pidfd, int64_t bound_ms) {
  struct pollfd process = {.fd = pidfd, .events = POLLIN};
  (void)poll(&process, 1, (int)bound_ms);
}

// Their lifelines end a moment before them.
static void await_both(const struct run *run) {
  if (run->poll_set[REAPER].fd < 0)
    await_end(run->held.reaper_pidfd, PATIENCE_MS);
  if (run->poll_set[KEEPER].fd < 0)
    await_end(run->held.keeper_pidfd, PATIENCE_MS);
}

// What both have lost still bears the mark of the session. True when nobody does any more.
static bool end_marked(const struct run *run) {
  struct corral_reap reap;
  const struct corral_end_plan plan = {.kill_ms = run->plan->end.kill_ms};
  int64_t mark = run->held.mark;
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
  if (run->held.mark)
    return !run->left && end_marked(run);
  if (run->leader >= 0 && corral_pidfd_signal(run->leader, SIGKILL) == 0)
    await_end(run->leader, run->plan->end.kill_ms);
  if (!run->left)
    log_message("what held the command was killed: of what it started, only itself is ended");
  return false;
}

static int start(struct run *run) {
  const struct subreaper_run *plan = run->plan;
  struct corral_error error = {0};
  const struct keeper_plan keeper = {.kill_ms = plan->end.kill_ms, .scan = plan->scan, .door = run->door};
  int answer = subreaper_client_start(keeper, &run->held, &error);
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
      log_message("the session at %s cannot be entered: %s", run->door, strerror(error.number));
    else
      log_error("nothing can be held", &error);
    return STATUS_FAILED;
  }
  if (plan->labels)
    (void)subreaper_client_label(&run->held, plan->labels);
  answer = subreaper_client_spawn(&run->held, COMMAND_ID, plan->inherited, plan->command);
  if (answer == 0)
    return 0;
  log_message("'%s' cannot be started: %s", plan->command[0], strerror(-answer));
  return STATUS_FAILED;
}

static int begin(struct run *run) {
  int status = start(run);
  if (status)
    return status;
  run->poll_set[REAPER].fd = run->held.reaper;
  run->poll_set[KEEPER].fd = run->held.keeper;
  run->memory = (struct memory_watch){.reaper = run->held.reaper_pid, .cap = run->plan->memory_cap};
  memory_watch_begin(&run->memory, corral_now_ms());
  run->start_by_ms = corral_now_ms() + run->plan->start_ms;
  run->end_by_ms = run->plan->life_ms ? corral_now_ms() + run->plan->life_ms : 0;
  supervise(run);
  return 0;
}

static void open_poll_set(struct run *run) {
  for (int i = 0; i < POLL_SLOTS; i++)
    run->poll_set[i] = (struct pollfd){.fd = -1, .events = POLLIN};
  sigemptyset(&run->early);
  run->poll_set[SIGNALS].fd = open_signals();
}

int run_subreaper(const struct subreaper_run *plan) {
  struct run run = {.plan = plan, .leader = -1};
  open_poll_set(&run);
  run.poll_set[PARENT].fd = open_parent();
  int status = begin(&run);
  if (status)
    return status;
  await_both(&run);
  if (!all_ended(&run))
    return STATUS_FAILED;
  if (run.refused)
    return run.refused;
  if (run.timed_out)
    return STATUS_TIMED_OUT;
  return end_as(run.leader_ended ? &run.exit : &KILLED, plan->as_status);
}

// ---- in a session of somebody else's ----

int enter_subreaper(const struct subreaper_run *plan, const char *door) {
  struct run run = {.plan = plan, .leader = -1, .door = door};
  open_poll_set(&run);
  int status = begin(&run);
  if (status)
    return status;
  if (run.leader_ended)
    return end_as(&run.exit, false);
  (void)all_ended(&run);
  return run.refused ? run.refused : end_as(&KILLED, false);
}
