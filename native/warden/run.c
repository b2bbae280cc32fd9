#define _GNU_SOURCE
#include "run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../core/collect.h"
#include "../core/instance.h"
#include "../core/pidfd.h"
#include "log.h"
#include "memory_watch.h"
#include "monitor.h"
#include "wait.h"

#define SWEEP_KILL_MS 1000 // what will not die in a dead instance must not keep us
#define FORCED_GRACE_MS 0
#define EXIT_EVENT_MS 1000 // the group is empty, so the leader has ended; a tracer may keep its zombie
#define GUARD_AGAIN_MS 100
#define GUARD_AGAIN_MAX_MS 10000

enum poll_slot { SIGNALS, PARENT, INPUT, START, LEADER, GUARD, GROUP, MEMORY, POLL_SLOTS };

struct run {
  const struct preparation *plan;
  struct prepared prepared;
  struct pollfd poll_set[POLL_SLOTS]; // poll() passes over those with a negative fd
  struct memory_watch memory;
  struct corral_end end;
  bool ending;
  int64_t end_by_ms;            // when the command has to have ended; 0: there is no such time, or it is over
  bool timed_out;               // that was why the session was ended
  int64_t start_by_ms;          // when the command has to be exec'ed; 0: that is over
  struct corral_spawned leader; // pidfd -1: it is not started (yet)
  sigset_t early;               // what the command is to get once it is
  int refused;                  // the exit status when it cannot be started; 0: it can
  bool leader_ended;
  struct corral_exit exit;
  int64_t guard_again_ms; // when to start another guard; 0: there is one
  int64_t guard_wait_ms;  // how long to wait after the next death of one
};

static void end_as_planned(struct run *run, int64_t drain_ms, int64_t grace_ms) {
  int64_t now_ms = corral_now_ms();
  if (run->ending) {
    corral_end_shorten(&run->end, grace_ms, now_ms);
    return;
  }
  struct corral_end_plan plan = run->plan->end;
  plan.drain_ms = drain_ms;
  plan.grace_ms = grace_ms;
  plan.outside = true;
  plan.leader_fd = run->leader.pidfd;
  corral_end_begin(&run->end, &run->prepared.session, &plan, now_ms);
  run->ending = true;
  run->poll_set[MEMORY].fd = -1;
  run->memory.look_ms = -1;
  run->poll_set[GROUP] = (struct pollfd){.fd = run->end.events_fd, .events = POLLPRI};
}

static void begin_end(struct run *run, int64_t grace_ms) {
  end_as_planned(run, 0, grace_ms);
}

// ---- the command ----

static void pass_on(struct run *run, int signal) {
  if (run->leader.pidfd < 0)
    sigaddset(&run->early, signal);
  else if (!run->leader_ended)
    (void)corral_pidfd_signal(run->leader.pidfd, signal);
}

// Who waits for us sees the command stop.
static void handle_stop(struct run *run) {
  siginfo_t info = {0};
  if (run->leader.pidfd >= 0 && !run->leader_ended &&
      waitid(P_PID, (id_t)run->leader.pid, &info, WSTOPPED | WNOHANG) == 0 && info.si_pid)
    stop_as(info.si_status);
}

static void refuse(struct run *run, const struct corral_error *error) {
  run->start_by_ms = 0;
  run->poll_set[START].fd = -1;
  if (run->ending && error->number == ECANCELED)
    run->refused = STATUS_SIGNALLED + SIGTERM; // ended before it was started
  else
    run->refused = log_refused(run->plan->command[0], error);
  begin_end(run, FORCED_GRACE_MS);
}

static void finish_start(struct run *run) {
  struct corral_error error = {0};
  int answer = corral_start_finish(&run->prepared.start, &error);
  if (answer == -EINPROGRESS)
    run->poll_set[START].fd = run->prepared.start.done_fd;
  if (answer == -EINPROGRESS)
    return;
  if (answer < 0) {
    refuse(run, &error);
    return;
  }
  run->start_by_ms = 0;
  run->poll_set[START].fd = -1;
  run->leader = run->prepared.start.spawned;
  run->poll_set[LEADER].fd = run->leader.pidfd;
  let_go_of_output();
  inherited_drop(run->plan->inherited);
  for (int number = 1; number < NSIG; number++)
    if (sigismember(&run->early, number) == 1)
      pass_on(run, number);
  handle_stop(run); // it may have stopped before we knew it
}

static void give_up_start(struct run *run) {
  struct corral_error error;
  corral_start_abandon(&run->prepared.start, ETIMEDOUT, &error);
  refuse(run, &error);
}

// ---- what is heard ----

// SIGTERM and SIGHUP end the session, a second one at once. Others are the command's.
static void handle_signal(struct run *run, const struct signalfd_siginfo *signal) {
  const int number = (int)signal->ssi_signo;
  if (number == SIGCHLD) {
    handle_stop(run);
    return;
  }
  if (number != SIGTERM && !is_of_terminal(signal)) // ending asks with SIGTERM anyway
    pass_on(run, number);
  if (number == SIGTERM || number == SIGHUP)
    begin_end(run, run->ending ? FORCED_GRACE_MS : run->plan->end.grace_ms);
}

static void read_signals(struct run *run) {
  struct signalfd_siginfo signal;
  while (read(run->poll_set[SIGNALS].fd, &signal, sizeof signal) == sizeof signal)
    handle_signal(run, &signal);
}

// Where we are the first process of a pid namespace, what the command leaves is ours to reap.
static void reap_orphans(const struct run *run) {
  const struct prepared *prepared = &run->prepared;
  for (siginfo_t info = {0};; info.si_pid = 0) {
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || !info.si_pid)
      return;
    if (info.si_pid == prepared->start.spawned.pid || info.si_pid == prepared->guard.first)
      return; // that is waited for elsewhere, and soon
    (void)waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG);
  }
}

static void reap_leader(struct run *run) {
  int answer = corral_pidfd_wait(run->leader.pidfd, false, &run->exit);
  if (answer == -EAGAIN)
    return;
  if (answer < 0) {
    log_message("how '%s' ended is not known: %s", run->plan->command[0], strerror(-answer));
    run->exit = (struct corral_exit){.code = STATUS_FAILED};
  }
  run->leader_ended = true;
  run->poll_set[LEADER].fd = -1;
}

// The guard is gone: another, at once, and with a pause when they go on dying.
static void restart_guard(struct run *run) {
  struct prepared *prepared = &run->prepared;
  guard_drop(&prepared->guard);
  int64_t now_ms = corral_now_ms();
  if (run->guard_again_ms > now_ms)
    return;
  int answer = guard_start(prepared->guard_plan, &prepared->guard);
  if (!answer)
    answer = guard_move_in(&prepared->guard);
  run->poll_set[GUARD].fd = prepared->guard.lifeline;
  run->guard_again_ms = answer < 0 ? now_ms + run->guard_wait_ms : 0;
  run->guard_wait_ms =
      run->guard_wait_ms * 2 < GUARD_AGAIN_MAX_MS ? run->guard_wait_ms * 2 : GUARD_AGAIN_MAX_MS;
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
  if (poll_set[START].revents)
    finish_start(run);
  if (poll_set[LEADER].revents) {
    reap_leader(run);
    if (run->leader_ended && !run->ending) // what it left may end by itself
      end_as_planned(run, run->plan->end.drain_ms, 0);
  }
  if (poll_set[GUARD].revents || (run->guard_again_ms && corral_now_ms() >= run->guard_again_ms))
    restart_guard(run);
}

static int next_wait(const struct run *run, int64_t end_wait_ms) {
  int64_t wait_ms = end_wait_ms;
  if (run->guard_again_ms)
    wait_ms = sooner(wait_ms, until(run->guard_again_ms));
  if (run->memory.look_ms >= 0)
    wait_ms = sooner(wait_ms, until(run->memory.look_ms));
  if (run->start_by_ms)
    wait_ms = sooner(wait_ms, until(run->start_by_ms));
  if (run->end_by_ms)
    wait_ms = sooner(wait_ms, until(run->end_by_ms));
  return (int)wait_ms;
}

static void watch_memory(struct run *run) {
  int64_t now_ms = corral_now_ms();
  if (run->poll_set[MEMORY].revents)
    run->memory.look_ms = now_ms;
  if (run->memory.look_ms >= 0 && memory_watch_step(&run->memory, now_ms))
    begin_end(run, FORCED_GRACE_MS);
}

static void time_out(struct run *run) {
  run->end_by_ms = 0;
  if (run->ending)
    return;
  run->timed_out = true;
  begin_end(run, run->plan->end.grace_ms);
}

static void supervise(struct run *run) {
  for (int64_t end_wait_ms = -1;;) {
    if (run->ending && (end_wait_ms = corral_end_step(&run->end, corral_now_ms())) < 0)
      return;
    if (run->ending && run->end.wants_pass) {
      corral_end_look(&run->end);
      continue;
    }
    if (run->ending && run->end.state == CORRAL_LOOKING)
      run->poll_set[GROUP].fd = -1;
    for (int i = 0; i < POLL_SLOTS; i++)
      run->poll_set[i].revents = 0;
    if (poll(run->poll_set, POLL_SLOTS, next_wait(run, end_wait_ms)) > 0 || run->guard_again_ms)
      handle_events(run);
    if (run->start_by_ms && corral_now_ms() >= run->start_by_ms)
      give_up_start(run);
    if (getpid() == 1)
      reap_orphans(run);
    if (run->end_by_ms && corral_now_ms() >= run->end_by_ms)
      time_out(run);
    watch_memory(run);
  }
}

// The group is empty, so a command that was being started has ended, or is refused.
static void await_leader(struct run *run) {
  for (int64_t until = corral_now_ms() + EXIT_EVENT_MS; !run->leader_ended && corral_now_ms() < until;) {
    struct pollfd leader = {.fd = run->start_by_ms ? run->poll_set[START].fd : run->leader.pidfd,
                            .events = POLLIN};
    if (leader.fd < 0)
      return;
    (void)poll(&leader, 1, EXIT_EVENT_MS);
    if (run->start_by_ms)
      finish_start(run);
    else
      reap_leader(run);
  }
}

static void log_moved(const struct corral_moved *moved) {
  log_message("%d %s had been moved out of the session, to %s, and was ended there", moved->pid, moved->name,
              *moved->cgroup ? moved->cgroup : "an unknown cgroup");
}

static void log_left(const struct run *run) {
  const struct corral_members *left = &run->end.left;
  log_message("%zu processes in %s outlived SIGKILL", left->count, run->prepared.group);
  for (size_t i = 0; i < left->count && i < CORRAL_NAMES; i++) {
    struct corral_process process;
    if (corral_process_read(left->pids[i], &process))
      log_message("%d %s lives on", process.pid, process.name);
  }
}

static int finish(struct run *run) {
  if (run->end.state == CORRAL_EMPTY || run->end.state == CORRAL_REMOVED)
    await_leader(run);
  bool stuck = run->end.state == CORRAL_STUCK, failed = run->end.state == CORRAL_FAILED;
  for (size_t i = 0; i < run->end.outside.moved_count && !stuck; i++)
    log_moved(&run->end.outside.moved[i]);
  if (stuck)
    log_left(run);
  if (failed)
    log_error("the session cannot be ended", &run->end.error);
  corral_end_finish(&run->end);
  if (stuck || failed)
    return STATUS_FAILED; // the guard takes our end for a death, and goes on trying
  int status = unprepare(run->plan, &run->prepared);
  if (status)
    return status;
  if (run->refused)
    return run->refused;
  if (run->timed_out)
    return STATUS_TIMED_OUT;
  const struct corral_exit killed = {.code = -1, .signal = SIGKILL};
  return end_as(run->leader_ended ? &run->exit : &killed, run->plan->as_status);
}

// Opens the root, from which all is reached. 0, or the exit status.
static int open_root(struct corral_base *root) {
  root->fd = corral_open_root(root->path);
  if (root->fd >= 0 && corral_is_cgroup(root->fd))
    return 0;
  log_message("the root %s cannot be had: %s", root->path,
              root->fd < 0 ? strerror(-root->fd) : "it is not a directory of a cgroup2 file system");
  return STATUS_FAILED;
}

int run(const struct preparation *given) {
  struct preparation opened = *given;
  const struct preparation *plan = &opened;
  struct run run = {.plan = plan, .leader.pidfd = -1, .guard_wait_ms = GUARD_AGAIN_MS};
  struct corral_end_plan sweep = plan->end;
  sweep.kill_ms = SWEEP_KILL_MS;
  sweep.drain_ms = 0;
  int status = open_root(&opened.root);
  if (status)
    return status;
  sigemptyset(&run.early);
  for (int i = 0; i < POLL_SLOTS; i++)
    run.poll_set[i] = (struct pollfd){.fd = -1, .events = POLLIN};
  run.poll_set[SIGNALS].fd = open_signals();
  run.poll_set[PARENT].fd = open_parent();
  corral_instance_sweep(&plan->root, &sweep);
  status = prepare(plan, &run.prepared);
  if (status)
    return status;
  run.start_by_ms = corral_now_ms() + plan->start_ms;
  run.end_by_ms = plan->life_ms ? corral_now_ms() + plan->life_ms : 0;
  run.poll_set[START].fd = run.prepared.start.done_fd;
  run.poll_set[GUARD].fd = run.prepared.guard.lifeline;
  run.memory = (struct memory_watch){
      .group = &run.prepared.session, .memory_group = run.prepared.memory_group, .cap = plan->memory_cap};
  memory_watch_begin(&run.memory, corral_now_ms());
  run.poll_set[MEMORY].fd = run.memory.event_fd;
  supervise(&run);
  return finish(&run);
}
