#define _GNU_SOURCE
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "../core/account.h"
#include "../core/collect.h"
#include "../core/instance.h"
#include "../core/own.h"
#include "../core/pidfd.h"
#include "log.h"
#include "monitor.h"
#include "prepare.h"
#include "wait.h"

#define SWEEP_KILL_MS 1000 // what will not die in a dead instance must not keep us
#define EXIT_EVENT_MS 1000 // the group is empty, so the leader has ended; a tracer may keep its zombie
#define GUARD_AGAIN_MS 100
#define GUARD_AGAIN_MAX_MS 10000

enum { START = FIRST_OF_MECHANISM, LEADER, GUARD, GROUP };

struct run {
  struct monitor monitor; // first, so that it is this struct, too
  const struct run_plan *plan;
  struct prepared prepared;
  struct corral_end end;
  int64_t guard_again_ms; // when to start another guard; 0: there is one
  int64_t guard_wait_ms;  // how long to wait after the next death of one
};

static void end_all(struct monitor *monitor, int64_t drain_ms, int64_t grace_ms) {
  struct run *run = (struct run *)monitor;
  int64_t now_ms = corral_now_ms();
  if (monitor->ending) {
    corral_end_shorten(&run->end, grace_ms, now_ms);
    return;
  }
  struct corral_end_plan plan = run->plan->end;
  plan.drain_ms = drain_ms;
  plan.grace_ms = grace_ms;
  plan.outside = true;
  plan.leader_fd = monitor->leader;
  corral_end_begin(&run->end, &run->prepared.session, &plan, now_ms);
  monitor_ending(monitor);
  monitor->fds[GROUP] = (struct pollfd){.fd = run->end.events_fd, .events = POLLPRI};
}

// ---- the command ----

static void refuse(struct run *run, const struct corral_error *error) {
  run->monitor.fds[START].fd = -1;
  monitor_refused(&run->monitor, error);
}

// Who waits for us sees the command stop.
static void handle_stop(struct monitor *monitor) {
  siginfo_t info = {0};
  if (monitor->leader >= 0 && !monitor->leader_ended &&
      waitid(P_PID, (id_t)monitor->leader_pid, &info, WSTOPPED | WNOHANG) == 0 && info.si_pid)
    stop_as(info.si_status);
}

static void finish_start(struct run *run) {
  struct corral_error error = {0};
  struct corral_start *start = &run->prepared.start;
  int answer = corral_start_finish(start, &error);
  if (answer == -EINPROGRESS) {
    run->monitor.fds[START].fd = start->done_fd;
    return;
  }
  if (answer < 0) {
    refuse(run, &error);
    return;
  }
  run->monitor.fds[START].fd = -1;
  run->monitor.fds[LEADER].fd = start->spawned.pidfd;
  monitor_started(&run->monitor, start->spawned.pidfd, start->spawned.pid);
  handle_stop(&run->monitor); // it may have stopped before we knew it
}

static void give_up_start(struct monitor *monitor) {
  struct run *run = (struct run *)monitor;
  struct corral_error error;
  corral_start_abandon(&run->prepared.start, ETIMEDOUT, &error);
  refuse(run, &error);
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
  struct corral_exit exit;
  int answer = corral_pidfd_wait(run->monitor.leader, false, &exit);
  if (answer == -EAGAIN)
    return;
  if (answer < 0) {
    log_message("how '%s' ended is not known: %s", run->plan->process.spawn.command, log_reason(-answer));
    exit = (struct corral_exit){.code = STATUS_FAILED};
  }
  run->monitor.fds[LEADER].fd = -1;
  monitor_exited(&run->monitor, exit);
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
  run->monitor.fds[GUARD].fd = prepared->guard.lifeline;
  run->guard_again_ms = answer < 0 ? now_ms + run->guard_wait_ms : 0;
  run->guard_wait_ms =
      run->guard_wait_ms * 2 < GUARD_AGAIN_MAX_MS ? run->guard_wait_ms * 2 : GUARD_AGAIN_MAX_MS;
}

static void handle_events(struct run *run) {
  struct pollfd *fds = run->monitor.fds;
  if (fds[START].revents)
    finish_start(run);
  if (fds[LEADER].revents)
    reap_leader(run);
  if (fds[GUARD].revents || (run->guard_again_ms && corral_now_ms() >= run->guard_again_ms))
    restart_guard(run);
}

static void supervise(struct run *run) {
  struct monitor *monitor = &run->monitor;
  for (int64_t end_wait_ms = -1;;) {
    if (monitor->ending && (end_wait_ms = corral_end_step(&run->end, corral_now_ms())) < 0)
      return;
    if (monitor->ending && run->end.wants_pass) {
      corral_end_look(&run->end);
      continue;
    }
    if (monitor->ending && run->end.state == CORRAL_LOOKING)
      monitor->fds[GROUP].fd = -1;
    int64_t wait_ms = run->guard_again_ms ? sooner(end_wait_ms, until(run->guard_again_ms)) : end_wait_ms;
    if (monitor_poll(monitor, wait_ms) || run->guard_again_ms)
      handle_events(run);
    if (getpid() == 1)
      reap_orphans(run);
    monitor_check(monitor);
  }
}

// The group is empty, so a command that was being started has ended, or is refused.
static void await_leader(struct run *run) {
  for (int64_t until = corral_now_ms() + EXIT_EVENT_MS;
       !run->monitor.leader_ended && corral_now_ms() < until;) {
    const int leader = run->monitor.start_by_ms ? run->monitor.fds[START].fd : run->monitor.leader;
    if (leader < 0)
      return;
    (void)corral_readable(leader, EXIT_EVENT_MS);
    if (run->monitor.start_by_ms)
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
  log_message("%zu processes in %s outlived SIGKILL", left->count, run->plan->process.spawn.group);
  for (size_t i = 0; i < left->count && i < CORRAL_NAMES; i++) {
    struct corral_process process;
    if (corral_process_read(left->pids[i], &process))
      log_message("%d %s lives on", process.pid, process.name);
  }
}

static bool has_label(int group_fd, const char *label) {
  return fgetxattr(group_fd, label, NULL, 0) >= 0;
}

// Why the command has ended, where it ended first. The kernel ends what is beyond a cap by SIGKILL, as does
// `corral kill`.
static const char *reason_of(const struct run *run, int64_t oom_kills) {
  const struct monitor *monitor = &run->monitor;
  if (!monitor->leader_ended || monitor->exit.signal != SIGKILL ||
      strcmp(monitor->reason, CORRAL_ONESHOT_COMPLETE) != 0)
    return monitor->reason;
  if (has_label(run->prepared.session.fd, CORRAL_KILLED_LABEL))
    return CORRAL_KILLED_FROM_OUTSIDE;
  return oom_kills > 0 ? CORRAL_MEMORY_LIMIT : monitor->reason;
}

// What is known of the session, which has ended: to be asked before it is removed.
static struct corral_record gather(const struct run *run, const char *names[CORRAL_NAMES]) {
  const struct monitor *monitor = &run->monitor;
  for (uint32_t i = 0; i < run->end.name_count; i++)
    names[i] = run->end.names[i];
  struct corral_record known = corral_record_unknown();
  CORRAL_OWNED_FD memory = run->plan->process.spawn.memory_group
                               ? open(run->plan->process.spawn.memory_group, O_PATH | O_DIRECTORY | O_CLOEXEC)
                               : -1;
  known.usage = corral_usage_read(run->prepared.session.fd, memory);
  known.reason = reason_of(run, known.usage.oom_kills);
  known.killed = (int64_t)run->end.killed;
  known.names = names;
  known.name_count = run->end.name_count;
  if (monitor->leader_ended)
    corral_record_exit(&known, monitor->exit.code, monitor->exit.signal);
  return known;
}

// The line of the session. A command that could not be started makes none.
static void record(const struct run *run, const struct corral_record *known) {
  const struct corral_ledger *ledger = run->plan->end.ledger;
  if (!ledger || run->monitor.refused || !run->monitor.reason)
    return;
  char path[PATH_MAX];
  struct corral_error error = {0};
  if (snprintf(path, sizeof path, "%s/" CORRAL_SESSIONS, run->prepared.instance) >= PATH_MAX)
    return;
  const struct corral_base instance = {.fd = run->prepared.instance_fd, .path = run->prepared.instance};
  const struct corral_path sessions = corral_path_of(&instance, path);
  if (corral_account_write(ledger, &sessions, known, &error) < 0)
    log_error("the ledger cannot be written", &error);
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
  const char *names[CORRAL_NAMES];
  struct corral_record known = corral_record_unknown();
  if (run->end.state == CORRAL_EMPTY && (run->plan->end.ledger || run->plan->sums_up)) {
    known = gather(run, names);
    record(run, &known);
  }
  corral_end_finish(&run->end);
  if (stuck || failed)
    return STATUS_FAILED; // the guard takes our end for a death, and goes on trying
  int status = unprepare(run->plan, &run->prepared);
  if (status)
    return status;
  monitor_sum_up(&run->monitor, &known);
  return monitor_finish(&run->monitor);
}

// Opens the root, from which all is reached. 0, or the exit status.
static int open_root(struct corral_base *root) {
  root->fd = corral_open_root(root->path);
  if (root->fd >= 0 && corral_is_cgroup(root->fd))
    return 0;
  log_message("the root %s cannot be had: %s", root->path,
              root->fd < 0 ? log_reason(-root->fd) : "it is not a directory of a cgroup2 file system");
  return STATUS_FAILED;
}

int run(struct run_plan *plan) {
  static const struct mechanism cgroup = {
      .end = end_all, .give_up_start = give_up_start, .child_changed = handle_stop};
  struct run run = {.plan = plan, .guard_wait_ms = GUARD_AGAIN_MS};
  struct corral_base root = {.path = plan->root};
  struct corral_end_plan sweep = plan->end;
  sweep.kill_ms = SWEEP_KILL_MS;
  sweep.drain_ms = 0;
  int status = open_root(&root);
  if (status)
    return status;
  monitor_open(&run.monitor, plan, &cgroup);
  monitor_watch_parent(&run.monitor);
  corral_instance_sweep(&root, &sweep);
  status = prepare(plan, root, &run.prepared);
  if (status)
    return status;
  run.monitor.fds[START].fd = run.prepared.start.done_fd;
  run.monitor.fds[GUARD].fd = run.prepared.guard.lifeline;
  monitor_begin(&run.monitor, (struct memory_watch){.group = &run.prepared.session,
                                                    .memory_group = plan->process.spawn.memory_group,
                                                    .cap = plan->memory_cap});
  supervise(&run);
  return finish(&run);
}
