#define _GNU_SOURCE
#include "monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "../core/collect.h"
#include "../core/own.h"
#include "log.h"
#include "summary.h"
#include "undumpable.h"
#include "wait.h"

#define FORCED_GRACE_MS 0

// ---- signals ----

static int open_signals(void) {
  sigset_t signals;
  sigfillset(&signals);
  const int not_ours[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGPIPE};
  for (size_t i = 0; i < sizeof not_ours / sizeof *not_ours; i++)
    sigdelset(&signals, not_ours[i]);
  signal(SIGPIPE, SIG_IGN);
  sigprocmask(SIG_SETMASK, &signals, NULL);
  return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void raise_by_default(int number) {
  sigset_t it;
  sigemptyset(&it);
  sigaddset(&it, number);
  (void)signal(number, SIG_DFL);
  (void)raise(number);
  sigprocmask(SIG_UNBLOCK, &it, NULL);
  sigprocmask(SIG_BLOCK, &it, NULL);
}

void stop_as(int number) {
  if (number == SIGTSTP || number == SIGTTIN || number == SIGTTOU)
    raise_by_default(number);
}

static void pass_on(struct monitor *monitor, int number) {
  if (monitor->leader < 0)
    sigaddset(&monitor->early, number);
  else if (!monitor->leader_ended)
    (void)corral_pidfd_signal(monitor->leader, number);
}

static void end(struct monitor *monitor, const char *reason, int64_t grace_ms) {
  if (!monitor->ending)
    monitor->reason = reason;
  monitor->mechanism->end(monitor, 0, grace_ms);
}

// What the terminal's kernel side sends, it sends to the whole foreground group, and a hang-up also to the
// first process of the terminal session. A timer that was set before we were exec'ed (alarm(2)) is ours
// alone.
static bool has_it_already(const struct monitor *monitor, const struct signalfd_siginfo *signal) {
  const bool of_terminal = signal->ssi_code == SI_KERNEL && signal->ssi_signo != SIGALRM;
  return of_terminal && (!monitor->joins || getpgid(monitor->leader_pid) == getpgrp());
}

// SIGTERM and SIGHUP end a session of its own, a second one at once. Others are the command's.
static void handle_signal(struct monitor *monitor, const struct signalfd_siginfo *signal) {
  const int number = (int)signal->ssi_signo;
  if (number == SIGCHLD) {
    if (monitor->mechanism->child_changed)
      monitor->mechanism->child_changed(monitor);
    return;
  }
  const bool asked_anyway = number == SIGTERM && !monitor->joins; // by the end that follows
  if (!asked_anyway && !has_it_already(monitor, signal))
    pass_on(monitor, number);
  if ((number == SIGTERM || number == SIGHUP) && !monitor->joins)
    end(monitor, CORRAL_CLOSED, monitor->ending ? FORCED_GRACE_MS : monitor->plan->end.grace_ms);
}

static void read_signals(struct monitor *monitor) {
  struct signalfd_siginfo signal;
  while (read(monitor->fds[SIGNALS].fd, &signal, sizeof signal) == sizeof signal)
    handle_signal(monitor, &signal);
}

// ---- the command ----

// The process that reads the command's output must see its end when the command closes it, and not wait for
// ours.
static void let_go_of_output(void) {
  CORRAL_OWNED_FD null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null >= 0)
    dup2(null, STDOUT_FILENO);
}

int log_refused(const char *command, const struct corral_error *error) {
  const char *why = error->number == ETIMEDOUT
                        ? "no answer in time (a file system that hangs, or another process's lease)"
                        : log_reason(error->number);
  log_message("'%s' cannot be started: %s%s%s: %s", command, error->operation, *error->path ? " " : "",
              error->path, why);
  if (strcmp(error->operation, "exec") != 0)
    return STATUS_FAILED;
  return error->number == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN;
}

void monitor_started(struct monitor *monitor, int leader, pid_t pid) {
  monitor->start_by_ms = 0;
  monitor->leader = leader;
  monitor->leader_pid = pid;
  let_go_of_output();
  run_plan_drop_descriptors(monitor->plan);
  for (int number = 1; number < NSIG; number++)
    if (sigismember(&monitor->early, number) == 1)
      pass_on(monitor, number);
}

void monitor_refused(struct monitor *monitor, const struct corral_error *error) {
  monitor->start_by_ms = 0;
  if (monitor->ending && error->number == ECANCELED)
    monitor->refused = STATUS_SIGNALLED + SIGTERM; // ended before it was started
  else
    monitor->refused = log_refused(monitor->plan->process.spawn.command, error);
  end(monitor, CORRAL_CLOSED, FORCED_GRACE_MS);
}

void monitor_exited(struct monitor *monitor, struct corral_exit how) {
  monitor->leader_ended = true;
  monitor->exit = how;
  if (!monitor->ending)
    monitor->reason = CORRAL_ONESHOT_COMPLETE;
  if (!monitor->ending && !monitor->joins) // what it left may end by itself
    monitor->mechanism->end(monitor, monitor->plan->end.drain_ms, 0);
}

// ---- from start to end ----

void monitor_ending(struct monitor *monitor) {
  monitor->ending = true;
  monitor->fds[MEMORY].fd = -1;
  monitor->memory.look_ms = -1;
}

// The pidfd of our parent, unless it ends while we ask; -1 where we cannot see it (another pid namespace).
static int open_parent(void) {
  pid_t parent = getppid();
  CORRAL_OWNED_FD pidfd = parent > 0 ? corral_pidfd_open(parent) : -1;
  return pidfd >= 0 && getppid() == parent ? corral_release_fd(&pidfd) : -1;
}

void monitor_open(struct monitor *monitor, const struct run_plan *plan, const struct mechanism *mechanism) {
  *monitor = (struct monitor){.plan = plan, .mechanism = mechanism, .leader = -1};
  sigemptyset(&monitor->early);
  for (int i = 0; i < MONITOR_SLOTS; i++)
    monitor->fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
  monitor->fds[SIGNALS].fd = open_signals();
  monitor->memory.look_ms = -1;
}

void monitor_watch_parent(struct monitor *monitor) {
  monitor->fds[PARENT].fd = open_parent();
}

void monitor_begin(struct monitor *monitor, struct memory_watch watch) {
  const int64_t now_ms = corral_now_ms();
  monitor->begun_ms = now_ms;
  monitor->start_by_ms = now_ms + monitor->plan->start_ms;
  monitor->end_by_ms = monitor->plan->life_ms ? now_ms + monitor->plan->life_ms : 0;
  monitor->memory = watch;
  memory_watch_begin(&monitor->memory, now_ms);
  monitor->fds[MEMORY].fd = monitor->memory.event_fd;
}

// Our parent's end alone says nothing (it may have been a shell in between), nor does that of our input alone
// (a client may close it and wait for the answer). Both together: nobody is left.
static void handle_events(struct monitor *monitor) {
  struct pollfd *fds = monitor->fds;
  if (fds[SIGNALS].revents)
    read_signals(monitor);
  if (fds[INPUT].revents & (POLLHUP | POLLERR)) {
    fds[INPUT].fd = -1;
    end(monitor, CORRAL_CLOSED, monitor->plan->end.grace_ms);
  }
  if (fds[PARENT].revents) {
    fds[PARENT].fd = -1;
    fds[INPUT] = (struct pollfd){.fd = STDIN_FILENO}; // no events asked for: POLLHUP comes all the same
  }
}

static int64_t next_wait(const struct monitor *monitor, int64_t wait_ms) {
  if (monitor->memory.look_ms >= 0)
    wait_ms = sooner(wait_ms, until(monitor->memory.look_ms));
  if (monitor->start_by_ms)
    wait_ms = sooner(wait_ms, until(monitor->start_by_ms));
  return monitor->end_by_ms ? sooner(wait_ms, until(monitor->end_by_ms)) : wait_ms;
}

bool monitor_poll(struct monitor *monitor, int64_t wait_ms) {
  for (int i = 0; i < MONITOR_SLOTS; i++)
    monitor->fds[i].revents = 0;
  if (poll(monitor->fds, MONITOR_SLOTS, (int)next_wait(monitor, wait_ms)) <= 0)
    return false;
  handle_events(monitor);
  return true;
}

static void time_out(struct monitor *monitor) {
  monitor->end_by_ms = 0;
  if (monitor->ending)
    return;
  monitor->timed_out = true;
  end(monitor, CORRAL_TIMEOUT, monitor->plan->end.grace_ms);
}

void monitor_check(struct monitor *monitor) {
  const int64_t now_ms = corral_now_ms();
  if (monitor->start_by_ms && now_ms >= monitor->start_by_ms) {
    monitor->start_by_ms = 0;
    monitor->mechanism->give_up_start(monitor);
  }
  if (monitor->end_by_ms && now_ms >= monitor->end_by_ms)
    time_out(monitor);
  if (monitor->fds[MEMORY].revents)
    monitor->memory.look_ms = now_ms;
  if (monitor->memory.look_ms >= 0 && memory_watch_step(&monitor->memory, now_ms))
    end(monitor, CORRAL_MEMORY_LIMIT, FORCED_GRACE_MS);
}

void monitor_sum_up(const struct monitor *monitor, const struct corral_record *known) {
  if (monitor->plan->sums_up && !monitor->refused)
    summary_log(corral_now_ms() - monitor->begun_ms, known);
}

// By its signal, or with 128+N where that is wanted; a process with pid 1 can do no other.
static int end_as(const struct corral_exit *ended, bool as_status) {
  if (!ended->signal)
    return ended->code;
  if (!as_status && getpid() != 1) {
    become_undumpable(); // no core file: RLIMIT_CORE says nothing to a program that takes cores (core(5))
    raise_by_default(ended->signal);
  }
  return STATUS_SIGNALLED + ended->signal;
}

int monitor_finish(const struct monitor *monitor) {
  // That nobody has told how it ended means that it was killed with who would have
  const struct corral_exit killed = {.code = -1, .signal = SIGKILL};
  if (monitor->refused)
    return monitor->refused;
  if (monitor->timed_out)
    return STATUS_TIMED_OUT;
  return end_as(monitor->leader_ended ? &monitor->exit : &killed, monitor->plan->as_status);
}
