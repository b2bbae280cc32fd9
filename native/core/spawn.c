// See spawn.h. The order of events: open what the child needs, block every signal, clone3 with CLONE_VFORK
// (this thread sleeps until the child has exec'ed or ended), read the child's verdict from shared memory.

#define _GNU_SOURCE
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clone3.h"
#include "own.h"
#include "pidfd.h"
#include "place.h"
#include "populated.h"
#include "unborn.h"

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE (1U << 1)
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

// The child shares our memory but not our stack. It calls nothing deep; the sanitizers' frames are the
// widest.
#define CHILD_STACK_BYTES ((size_t)64 * 1024)
#define KERNEL_SIGSET_BYTES 8
#define MAX_STDIO 64

// A child copies the caller's table of descriptors up to the highest that it needs, which is a recent and so
// a high one where thousands are held for long. So what is held for a session's life goes up there, and
// leaves low numbers to what comes and goes. A small table is as good as it is.
#define FEW_FDS 64
#define HELD_FDS_FROM 1024

// What the child needs, and what it answers, in memory that both sides see.
struct launch {
  const struct corral_spawn_plan *plan;
  int group_fd;          // O_PATH directory, or -1
  int memory_fd;         // the same, of the v1 memory cgroup
  bool move_into_group;  // the child joins the group by itself: it was not created there
  bool shares_fds;       // the child begins with our table of descriptors (CLONE_FILES), and copies it
  unsigned unneeded_fd;  // from here on it needs none of them
  const int *child_fds;  // what becomes descriptor 0 … stdio_count-1
  volatile bool running; // the child's first instruction was reached
  volatile int number;   // errno of the step that failed
  const char *volatile operation;
  const char *volatile path;
};

// ---- between clone and exec: raw system calls only, all signals blocked, no allocation, no locks ----

// Runs in the child, on memory that is the parent's. Its frames are never left by a return, so the
// sanitizers' marks around them would stay behind for whoever gets that memory next.
#define IN_CHILD __attribute__((no_sanitize("address"), noinline))

// The result of a raw system call, or -errno. libc's errno is the same variable in parent and child here
// (CLONE_VM without CLONE_SETTLS), and the parent sleeps, so using it is safe.
#define CALL(...) (syscall(__VA_ARGS__) == -1 ? -errno : 0)

IN_CHILD static int give_up(struct launch *launch, int number, const char *operation, const char *path) {
  launch->number = number;
  launch->operation = operation;
  launch->path = path;
  return 127;
}

// Signals that the gateway ignores (Node: SIGPIPE) must not be ignored by an agent; handlers are gone already
// where CLONE_CLEAR_SIGHAND was to be had.
IN_CHILD static void reset_signals(void) {
  const char default_action[64] = {0}; // struct kernel_sigaction with SIG_DFL, no flags, empty mask
  for (int signal = 1; signal <= 64; signal++)
    if (signal != SIGKILL && signal != SIGSTOP)
      (void)syscall(SYS_rt_sigaction, signal, default_action, NULL, KERNEL_SIGSET_BYTES);
}

IN_CHILD static int join_group(int group_fd) {
  int fd = (int)syscall(SYS_openat, group_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC, 0);
  if (fd < 0)
    return errno;
  int number = syscall(SYS_write, fd, "0", 1) == 1 ? 0 : errno;
  (void)syscall(SYS_close, fd);
  return number;
}

// Puts child_fds[i] at i. Sources below the target range are first moved above it, so that no dup3 overwrites
// a source that is still to come.
IN_CHILD static int place_stdio(const struct launch *launch) {
  const int count = (int)launch->plan->stdio_count;
  int source[MAX_STDIO];
  for (int i = 0; i < count; i++) {
    source[i] = launch->child_fds[i];
    if (source[i] < count && source[i] != i) {
      source[i] = (int)syscall(SYS_fcntl, source[i], F_DUPFD_CLOEXEC, count);
      if (source[i] < 0)
        return errno;
    }
  }
  for (int i = 0; i < count; i++) {
    long done = source[i] == i ? syscall(SYS_fcntl, i, F_SETFD, 0) : syscall(SYS_dup3, source[i], i, 0);
    if (done < 0)
      return errno;
    // The gateway's event loop may have made its own stdio non-blocking, and that flag is shared with whoever
    // inherits it: an ordinary program does not expect EAGAIN there. libuv does the same.
    if (i <= STDERR_FILENO && launch->plan->stdio[i].kind == CORRAL_STDIO_FD) {
      long flags = syscall(SYS_fcntl, i, F_GETFL, 0);
      if (flags >= 0 && (flags & O_NONBLOCK))
        (void)syscall(SYS_fcntl, i, F_SETFL, flags & ~O_NONBLOCK);
    }
  }
  // 5.11 marks; 5.9 and 5.10 close at once, which is as good here. Older: all of our own are O_CLOEXEC
  // anyway.
  if (syscall(SYS_close_range, (unsigned)count, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
    (void)syscall(SYS_close_range, (unsigned)count, ~0U, 0);
  return 0;
}

// As execvp(3): go on after ENOENT, ENOTDIR and EACCES, hand a file without a format to the shell, and say
// EACCES rather than ENOENT when a candidate was there.
IN_CHILD static int exec_candidates(const struct corral_spawn_plan *plan) {
  int number = ENOENT;
  for (const char **candidate = plan->candidates; *candidate; candidate++) {
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

IN_CHILD static int child(void *context) {
  struct launch *launch = context;
  const struct corral_spawn_plan *plan = launch->plan;
  launch->running = true;
  int number;

  if (launch->shares_fds && (number = -CALL(SYS_close_range, launch->unneeded_fd, ~0U, CLOSE_RANGE_UNSHARE)))
    return give_up(launch, number, "close_range", NULL);
  if (launch->move_into_group && (number = join_group(launch->group_fd)))
    return give_up(launch, number, "join cgroup", plan->group);
  if (launch->memory_fd >= 0 && (number = join_group(launch->memory_fd)))
    return give_up(launch, number, "join cgroup", plan->memory_group);
  reset_signals();
  if (plan->detached && (number = -CALL(SYS_setsid)))
    return give_up(launch, number, "setsid", NULL);
  if ((number = place_stdio(launch)))
    return give_up(launch, number, "dup", NULL);
  if (plan->cwd && (number = -CALL(SYS_chdir, plan->cwd)))
    return give_up(launch, number, "chdir", plan->cwd);
  // Never libc's set*id: those signal every thread of the process, and the threads are our caller's.
  if ((plan->set_uid || plan->set_gid) && (number = -CALL(SYS_setgroups, 0, NULL)) && number != EPERM)
    return give_up(launch, number, "setgroups", NULL);
  if (plan->set_gid && (number = -CALL(SYS_setgid, plan->gid)))
    return give_up(launch, number, "setgid", NULL);
  if (plan->set_uid && (number = -CALL(SYS_setuid, plan->uid)))
    return give_up(launch, number, "setuid", NULL);

  if (plan->scheduler >= 0) {
    const struct sched_param parameter = {0};
    (void)syscall(SYS_sched_setscheduler, 0, plan->scheduler, &parameter);
  }
  const uint64_t no_signals = 0;
  (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &no_signals, NULL, KERNEL_SIGSET_BYTES);
  return give_up(launch, exec_candidates(plan), "exec", plan->command);
}

// ---- the parent's side ----

// Where the child can make its own copy (Linux 5.9), of no more than it needs: a clone without CLONE_FILES
// copies, and then closes, all that the gateway has open, 1 ms for 10,000 descriptors.
static void share_fds(struct launch *launch) {
  int highest = launch->group_fd > launch->memory_fd ? launch->group_fd : launch->memory_fd;
  for (size_t i = 0; i < launch->plan->stdio_count; i++)
    if (launch->child_fds[i] > highest)
      highest = launch->child_fds[i];
  launch->unneeded_fd = (unsigned)(highest + 1);
  // A range that is none: refused as such where the call and its flag are known
  launch->shares_fds = CALL(SYS_close_range, 1, 0, CLOSE_RANGE_UNSHARE) == -EINVAL;
}

static long start_child(struct launch *launch, void *stack, int *pidfd, bool *in_place) {
  share_fds(launch);
  const int shared = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | (launch->shares_fds ? CLONE_FILES : 0);
  struct corral_clone_args args = {
      .flags = (uint64_t)shared | CLONE_CLEAR_SIGHAND | (launch->group_fd >= 0 ? CLONE_INTO_CGROUP : 0),
      .pidfd = (uint64_t)(uintptr_t)pidfd,
      .exit_signal = SIGCHLD,
      .stack = (uint64_t)(uintptr_t)stack,
      .stack_size = CHILD_STACK_BYTES,
      .cgroup = launch->group_fd >= 0 ? (uint64_t)launch->group_fd : 0,
  };
  *in_place = true;
  const bool no_clone3 = launch->plan->no_clone3 || (launch->group_fd >= 0 && corral_clones_died());
  long answer = no_clone3 ? -ENOSYS : corral_clone3(&args, sizeof args, child, launch);
  if (!corral_clone3_unavailable(answer))
    return answer;
  *in_place = false;
  launch->move_into_group = launch->group_fd >= 0;
  int pid = clone(child, (char *)stack + CHILD_STACK_BYTES, shared | SIGCHLD, launch, pidfd);
  return pid < 0 ? -errno : pid;
}

// Starts the child with every signal blocked, libc's own included: a handler that ran in the child would run
// on the gateway's memory.
static long start_child_undisturbed(struct launch *launch, int *pidfd, bool *in_place) {
  void *stack =
      mmap(NULL, CHILD_STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED)
    return -errno;
  uint64_t all = ~0ULL, before;
  (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, KERNEL_SIGSET_BYTES);
  long answer = start_child(launch, stack, pidfd, in_place);
  (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, KERNEL_SIGSET_BYTES);
  munmap(stack, CHILD_STACK_BYTES);
  return answer;
}

int corral_stdio_make(const struct corral_stdio *stdio, int *child_fd, int *parent_fd, bool *ours) {
  int pair[2];
  *ours = true;
  switch (stdio->kind) {
  case CORRAL_STDIO_IGNORE:
    *child_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    return *child_fd < 0 ? -errno : 0;
  case CORRAL_STDIO_FD:
    *child_fd = stdio->fd;
    *ours = false;
    return 0;
  case CORRAL_STDIO_SOCKET:
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
      return -errno;
    *child_fd = pair[0], *parent_fd = pair[1];
    return 0;
  default:
    if (pipe2(pair, O_CLOEXEC) < 0)
      return -errno;
    bool child_reads = stdio->kind == CORRAL_STDIO_PIPE_IN;
    *child_fd = pair[child_reads ? 0 : 1], *parent_fd = pair[child_reads ? 1 : 0];
    return 0;
  }
}

static void close_all(const int *fds, const bool *ours, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (fds[i] >= 0 && (!ours || ours[i]))
      close(fds[i]);
}

// Into a frozen group clone3 succeeds and the child hangs, and CLONE_VFORK hangs us with it (crun #2243).
static int refuse_frozen(int group_fd, const char *group, struct corral_error *error) {
  struct corral_group_events events;
  int answer = corral_read_group_events(group_fd, &events);
  if (answer < 0)
    return corral_fail(error, -answer, "read cgroup.events", group);
  return events.frozen ? corral_fail(error, EBUSY, "spawn into a frozen cgroup", group) : 0;
}

// The child was made; did it get as far as exec?
static int judge(const struct launch *launch, const struct corral_spawned *spawned,
                 struct corral_error *error) {
  if (launch->running && !launch->number)
    return 0;
  struct corral_exit ended;
  corral_pidfd_wait(spawned->pidfd, true, &ended);
  close(spawned->pidfd);
  if (!launch->running)
    return corral_fail(error, ECANCELED, "spawn into a cgroup that was killed", launch->plan->group);
  return corral_fail(error, launch->number, launch->operation, launch->path);
}

static int attempt(struct launch *launch, struct corral_spawned *spawned, struct corral_error *error) {
  long pid = start_child_undisturbed(launch, &spawned->pidfd, &spawned->created_in_place);
  if (pid < 0)
    return corral_fail(error, (int)-pid, "clone",
                       launch->plan->group ? launch->plan->group : launch->plan->command);
  spawned->pid = (pid_t)pid;
  return judge(launch, spawned, error);
}

static int launch_child(const struct corral_spawn_plan *plan, const int *child_fds,
                        struct corral_spawned *spawned, struct corral_error *error) {
  CORRAL_OWNED_FD group_fd = -1;
  if (plan->group) {
    // A number of its own: one that is held has a high one
    group_fd = plan->group_fd >= 0 ? corral_open_below(plan->group_fd, ".", O_PATH | O_DIRECTORY)
                                   : open(plan->group, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (group_fd < 0)
      return corral_fail(error, errno, "open cgroup", plan->group);
    int frozen = refuse_frozen(group_fd, plan->group, error);
    if (frozen < 0)
      return frozen;
  }
  CORRAL_OWNED_FD memory_fd = -1;
  if (plan->memory_group) {
    memory_fd = open(plan->memory_group, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (memory_fd < 0)
      return corral_fail(error, errno, "open cgroup", plan->memory_group);
  }
  struct launch launch = {.plan = plan, .group_fd = group_fd, .memory_fd = memory_fd, .child_fds = child_fds};
  int answer = attempt(&launch, spawned, error);
  // It died before its first instruction, so nothing is started twice
  bool unborn = answer == -ECANCELED && !launch.running && group_fd >= 0;
  if (!unborn || !corral_clones_die(group_fd))
    return answer;
  error->number = 0;
  return attempt(&launch, spawned, error);
}

int corral_put_away(int fd) {
  if (fd < FEW_FDS)
    return fd;
  int high = fcntl(fd, F_DUPFD_CLOEXEC, HELD_FDS_FROM);
  if (high < 0)
    return fd;
  close(fd);
  return high;
}

int corral_spawn(const struct corral_spawn_plan *plan, struct corral_spawned *spawned, int *parent_fds,
                 struct corral_error *error) {
  int child_fds[MAX_STDIO];
  bool ours[MAX_STDIO] = {false};
  if (plan->stdio_count > MAX_STDIO)
    return corral_fail(error, EINVAL, "stdio", plan->command);
  for (size_t i = 0; i < plan->stdio_count; i++)
    child_fds[i] = parent_fds[i] = -1;

  int answer = 0;
  for (size_t i = 0; i < plan->stdio_count && !answer; i++) {
    answer = corral_stdio_make(&plan->stdio[i], &child_fds[i], &parent_fds[i], &ours[i]);
    if (answer < 0)
      corral_fail(error, -answer, "make stdio", plan->command);
  }
  if (!answer)
    answer = launch_child(plan, child_fds, spawned, error);

  close_all(child_fds, ours, plan->stdio_count);
  if (answer < 0) {
    close_all(parent_fds, NULL, plan->stdio_count);
    for (size_t i = 0; i < plan->stdio_count; i++)
      parent_fds[i] = -1;
    return answer;
  }
  spawned->pidfd = corral_put_away(spawned->pidfd);
  for (size_t i = 0; i < plan->stdio_count; i++)
    parent_fds[i] = corral_put_away(parent_fds[i]);
  return answer;
}
