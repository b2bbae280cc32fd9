#define _GNU_SOURCE
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clone3.h"
#include "own.h"
#include "pidfd.h"

// clone3 without a stack is a fork.
static long fork_child(struct corral_launch *launch, int *pidfd) {
  struct corral_clone_args args = {
      .flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND | (launch->group_fd >= 0 ? CLONE_INTO_CGROUP : 0),
      .pidfd = (uint64_t)(uintptr_t)pidfd,
      .exit_signal = SIGCHLD,
      .cgroup = launch->group_fd >= 0 ? (uint64_t)launch->group_fd : 0,
  };
  long answer = -ENOSYS;
  if (!corral_launch_moves(launch) && (answer = syscall(SYS_clone3, &args, sizeof args)) < 0)
    answer = -errno;
  if (corral_clone3_unavailable(answer)) {
    launch->move_into_group = launch->group_fd >= 0;
    // The pidfd goes to where the parent's tid would (clone(2)), which is the third word on every CPU of ours
    if ((answer = syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, pidfd, NULL, NULL)) < 0)
      answer = -errno;
  }
  if (answer == 0)
    _exit(corral_child(launch));
  return answer;
}

static int attempt(struct corral_start *start, struct corral_error *error) {
  struct corral_launch *launch = &start->launcher.launch;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0)
    return corral_fail(error, errno, "pipe", launch->plan->command);
  CORRAL_OWNED_FD hears = ends[0];
  launch->done_fd = ends[1];
  *launch->outcome = (struct corral_outcome){0};
  start->spawned.pidfd = -1;
  uint64_t all = ~0ULL, before;
  (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, CORRAL_KERNEL_SIGSET_BYTES);
  long pid = fork_child(launch, &start->spawned.pidfd);
  (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, CORRAL_KERNEL_SIGSET_BYTES);
  corral_drop_fd(&launch->done_fd);
  if (pid < 0)
    return corral_fail(error, (int)-pid, "clone",
                       launch->plan->group ? launch->plan->group : launch->plan->command);
  start->spawned.pid = (pid_t)pid;
  start->spawned.created_in_place = !launch->move_into_group;
  start->done_fd = corral_release_fd(&hears);
  return 0;
}

static void close_start(struct corral_start *start) {
  corral_drop_fd(&start->done_fd);
  corral_launcher_close(&start->launcher);
  munmap((void *)start->launcher.launch.outcome, sizeof(struct corral_outcome));
}

int corral_start_begin(struct corral_start *start, const struct corral_spawn_plan *plan, int *parent_fds,
                       struct corral_error *error) {
  *start = (struct corral_start){.spawned.pidfd = -1, .done_fd = -1};
  int answer = corral_launcher_open(&start->launcher, plan, parent_fds, error);
  if (answer < 0)
    return answer;
  struct corral_launch *launch = &start->launcher.launch;
  launch->outcome =
      mmap(NULL, sizeof *launch->outcome, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (launch->outcome == MAP_FAILED) {
    corral_launcher_close(&start->launcher);
    answer = corral_fail(error, ENOMEM, "mmap", plan->command);
  } else if ((answer = attempt(start, error)) < 0)
    close_start(start);
  if (answer < 0)
    corral_close_fds(parent_fds, plan->stdio_count);
  return answer;
}

int corral_start_finish(struct corral_start *start, struct corral_error *error) {
  struct corral_launch *launch = &start->launcher.launch;
  int answer = corral_launch_judge(launch, start->spawned.pidfd, error);
  if (answer < 0)
    corral_drop_fd(&start->spawned.pidfd);
  if (answer == -ECANCELED && corral_launch_unborn(launch)) {
    corral_drop_fd(&start->done_fd);
    answer = attempt(start, error);
    if (answer == 0)
      return -EINPROGRESS;
  }
  close_start(start);
  return answer;
}

void corral_start_abandon(struct corral_start *start, int number, struct corral_error *error) {
  const struct corral_launch *launch = &start->launcher.launch;
  const char *operation = launch->outcome->operation, *path = launch->outcome->path;
  (void)corral_pidfd_signal(start->spawned.pidfd, SIGKILL);
  corral_drop_fd(&start->spawned.pidfd);
  corral_fail(error, number, operation ? operation : "clone", path ? path : launch->plan->command);
  close_start(start);
}
