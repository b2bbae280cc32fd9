// See spawn_child.h.
#define _GNU_SOURCE
#include "spawn_child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

#include "children.h"

// Where a seccomp filter refuses close_range (Linux 5.9), descriptors up to here are closed one by one; all
// of ours are O_CLOEXEC anyway.
#define WITHOUT_CLOSE_RANGE 1024

// Runs in the child, on memory that is the parent's. Its frames are never left by a return, so the
// sanitizers' marks around them would stay behind for the next user of that memory.
#define IN_CHILD __attribute__((no_sanitize("address"), noinline))

// The result of a raw system call, or -errno. libc's errno is the same variable in parent and child here
// (CLONE_VM without CLONE_SETTLS), and the parent sleeps, so using it is safe.
#define CALL(...) (syscall(__VA_ARGS__) == -1 ? -errno : 0)

// Says what comes next, to explain why a start takes so long.
IN_CHILD static void log_message(const struct corral_launch *launch, const char *operation,
                                 const char *path) {
  launch->outcome->path = path;
  launch->outcome->operation = operation;
}

IN_CHILD static int give_up(const struct corral_launch *launch, int number, const char *operation,
                            const char *path) {
  log_message(launch, operation, path);
  launch->outcome->number = number;
  return 127;
}

// Signals that the gateway ignores (Node: SIGPIPE) must not be ignored by an agent, unless it is asked for;
// handlers are gone already where the kernel has CLONE_CLEAR_SIGHAND.
IN_CHILD static void reset_signals(uint64_t ignored) {
  // struct kernel_sigaction: the handler, and no flags and an empty mask
  const struct {
    uintptr_t handler;
    char rest[56];
  } by_default = {.handler = (uintptr_t)SIG_DFL}, ignoring = {.handler = (uintptr_t)SIG_IGN};
  for (int signal = 1; signal <= 64; signal++)
    if (signal != SIGKILL && signal != SIGSTOP)
      (void)syscall(SYS_rt_sigaction, signal, ignored >> (signal - 1) & 1 ? &ignoring : &by_default, NULL,
                    CORRAL_KERNEL_SIGSET_BYTES);
}

IN_CHILD static void write_own_pid(char *digits) {
  long left = syscall(SYS_getpid), length = 0;
  for (long rest = left; rest > 0; rest /= 10)
    length++;
  for (digits[length] = '\0'; length > 0; left /= 10)
    digits[--length] = (char)('0' + left % 10);
}

// Where it is refused (inside a session without cgroups, whose mark is lower), it stays without.
IN_CHILD static void bear_mark(int64_t mark) {
  const uint64_t limit[2] = {(uint64_t)mark, (uint64_t)mark}; // struct rlimit64
  if (mark > 0)
    (void)syscall(SYS_prlimit64, 0, RLIMIT_LOCKS, limit, NULL);
}

IN_CHILD static int bear_login(const char *login) {
  const int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/loginuid", O_WRONLY | O_CLOEXEC, 0);
  if (fd < 0)
    return errno;
  size_t length = 0;
  while (login[length])
    length++;
  const int number = syscall(SYS_write, fd, login, length) == (long)length ? 0 : errno;
  (void)syscall(SYS_close, fd);
  return number;
}

IN_CHILD static int join_group(int group_fd) {
  int fd = (int)syscall(SYS_openat, group_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC, 0);
  if (fd < 0)
    return errno;
  int number = syscall(SYS_write, fd, "0", 1) == 1 ? 0 : errno;
  (void)syscall(SYS_close, fd);
  return number;
}

IN_CHILD static void make_killable(void) {
  int fd = (int)syscall(SYS_openat, AT_FDCWD, CORRAL_OOM_SCORE_FILE, O_WRONLY | O_CLOEXEC, 0);
  if (fd < 0)
    return;
  (void)syscall(SYS_write, fd, CORRAL_KILLABLE, sizeof CORRAL_KILLABLE - 1);
  (void)syscall(SYS_close, fd);
}

// Closed here and now, and not on exec: chdir and exec can hang for good (a file system that does not
// answer), with what the gateway holds: the lock of its instance, the ends of other sessions' pipes.
IN_CHILD static void close_between(unsigned first, unsigned last) {
  if (first > last || syscall(SYS_close_range, first, last, 0) == 0)
    return;
  for (unsigned fd = first; fd <= last && fd < WITHOUT_CLOSE_RANGE; fd++)
    (void)syscall(SYS_close, fd);
}

// A number that RLIMIT_NOFILE does not allow is refused as if the descriptor were not open, or as invalid.
IN_CHILD static int dup_refused(int fd) {
  const int number = errno;
  const bool open = syscall(SYS_fcntl, fd, F_GETFD, 0) >= 0;
  return open && (number == EBADF || number == EINVAL) ? EMFILE : number;
}

// Whether another descriptor is to come to stand there.
IN_CHILD static bool is_in_the_way(const struct corral_launch *launch, int fd) {
  return fd >= 0 && fd < (int)launch->plan->stdio_count && launch->child_fds[fd] >= 0 &&
         launch->child_fds[fd] != fd;
}

// The event loop of the gateway may have made its own stdio non-blocking, and that flag is shared with each
// heir of it: an ordinary program does not expect EAGAIN there. libuv does the same.
IN_CHILD static void make_waiting(int fd) {
  long flags = syscall(SYS_fcntl, fd, F_GETFL, 0);
  if (flags >= 0 && (flags & O_NONBLOCK))
    (void)syscall(SYS_fcntl, fd, F_SETFL, flags & ~O_NONBLOCK);
}

// Puts child_fds[i] at i, and closes all others. What is in the way is first moved above them, so that no
// dup3 overwrites a source that is still to come. What is not stays: there may be no number above that
// RLIMIT_NOFILE allows.
IN_CHILD static int place_fds(const struct corral_launch *launch) {
  const int count = (int)launch->plan->stdio_count;
  int source[CORRAL_MAX_STDIO], done = launch->done_fd;
  if (is_in_the_way(launch, done) && (done = (int)syscall(SYS_fcntl, done, F_DUPFD_CLOEXEC, count)) < 0)
    return dup_refused(launch->done_fd);
  for (int i = 0; i < count; i++) {
    const int fd = source[i] = launch->child_fds[i];
    if (fd != i && is_in_the_way(launch, fd) &&
        (source[i] = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, count)) < 0)
      return dup_refused(fd);
  }
  for (int i = 0; i < count; i++) {
    if (source[i] < 0)
      continue;
    long placed = source[i] == i ? syscall(SYS_fcntl, i, F_SETFD, 0) : syscall(SYS_dup3, source[i], i, 0);
    if (placed < 0)
      return dup_refused(source[i]);
    if (i <= STDERR_FILENO && launch->plan->stdio[i].kind == CORRAL_STDIO_FD && !launch->plan->as_given)
      make_waiting(i);
  }
  for (int i = 0; i < count; i++)
    if (launch->child_fds[i] < 0 && i != done)
      (void)syscall(SYS_close, i);
  if (done > count)
    close_between((unsigned)count, (unsigned)done - 1);
  close_between(done >= count ? (unsigned)done + 1 : (unsigned)count, ~0U);
  return 0;
}

// As execvp(3): go on after ENOENT, ENOTDIR and EACCES, hand a file without a format to the shell, and say
// EACCES rather than ENOENT when a candidate was there.
IN_CHILD static int exec_candidates(const struct corral_launch *launch) {
  const struct corral_spawn_plan *plan = launch->plan;
  int number = ENOENT;
  for (const char **candidate = plan->candidates; *candidate; candidate++) {
    log_message(launch, "exec", *candidate);
    int refused = -CALL(SYS_execve, *candidate, plan->argv, plan->envp);
    if (refused == ENOEXEC) {
      plan->shell_argv[0] = plan->argv[0];
      plan->shell_argv[1] = (char *)*candidate;
      size_t i = 1;
      for (; plan->argv[0] && plan->argv[i]; i++)
        plan->shell_argv[i + 1] = plan->argv[i];
      plan->shell_argv[i + 1] = NULL;
      return -CALL(SYS_execve, "/bin/sh", plan->shell_argv, plan->envp);
    }
    if (refused == EACCES)
      number = EACCES;
    else if (refused != ENOENT && refused != ENOTDIR)
      return refused;
  }
  return number;
}

IN_CHILD int corral_child(void *context) {
  const struct corral_launch *launch = context;
  const struct corral_spawn_plan *plan = launch->plan;
  launch->outcome->running = true;
  int number;

  if (launch->shares_fds && (number = -CALL(SYS_close_range, launch->unneeded_fd, ~0U, CLOSE_RANGE_UNSHARE)))
    return give_up(launch, number, "close_range", NULL);
  if (launch->move_into_group && (number = join_group(launch->group_fd)))
    return give_up(launch, number, "join cgroup", plan->group);
  if (launch->memory_fd >= 0 && (number = join_group(launch->memory_fd)))
    return give_up(launch, number, "join cgroup", plan->memory_group);
  if (launch->unkillable)
    make_killable();
  bear_mark(launch->mark);
  if (launch->login && (number = bear_login(launch->login)))
    return give_up(launch, number, "set the login uid", NULL);
  reset_signals(plan->ignored);
  if (plan->detached && (number = -CALL(SYS_setsid)))
    return give_up(launch, number, "setsid", NULL);
  if ((number = place_fds(launch)))
    return give_up(launch, number, "dup", NULL);
  if (launch->outcome->unwanted)
    return give_up(launch, ECANCELED, "clone", NULL);
  log_message(launch, "chdir", plan->cwd);
  if (plan->cwd && (number = -CALL(SYS_chdir, plan->cwd)))
    return give_up(launch, number, "chdir", plan->cwd);
  corral_schedule_set(&plan->schedule); // before it may less
  corral_attributes_set(&plan->attributes);
  if ((number = corral_credentials_set(&plan->credentials)))
    return give_up(launch, number, "act as its gateway", NULL);
  // Never libc's set*id: those signal every thread of the process, and the threads are our caller's.
  if ((plan->set_uid || plan->set_gid) && (number = -CALL(SYS_setgroups, 0, NULL)) && number != EPERM)
    return give_up(launch, number, "setgroups", NULL);
  if (plan->set_gid && (number = -CALL(SYS_setgid, plan->gid)))
    return give_up(launch, number, "setgid", NULL);
  if (plan->set_uid && (number = -CALL(SYS_setuid, plan->uid)))
    return give_up(launch, number, "setuid", NULL);

  for (int i = 0; i < CORRAL_OWN_PIDS; i++)
    if (plan->own_pid[i])
      write_own_pid(plan->own_pid[i]);
  (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &plan->blocked, NULL, CORRAL_KERNEL_SIGSET_BYTES);
  return give_up(launch, exec_candidates(launch), "exec", plan->command);
}
