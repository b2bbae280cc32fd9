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
#include <sys/mman.h>
#include <unistd.h>

#include "children.h"
#include "clone3.h"
#include "launch.h"
#include "own.h"
#include "pidfd.h"

// The child shares our memory but not our stack. It calls nothing deep; the sanitizers' frames are the
// widest.
#define CHILD_STACK_BYTES ((size_t)64 * 1024)

// A child copies the caller's table of descriptors up to the highest that it needs, which is a recent and so
// a high one where thousands are held for long. So what is held for a session's life goes up there, and
// leaves low numbers to what comes and goes. A small table is as good as it is.
#define FEW_FDS 64
#define HELD_FDS_FROM 1024

// Where the child can make its own copy (Linux 5.9), of no more than it needs: a clone without CLONE_FILES
// copies, and then closes, all that the gateway has open, 1 ms for 10,000 descriptors.
static void share_fds(struct corral_launch *launch) {
  int highest = launch->group_fd > launch->memory_fd ? launch->group_fd : launch->memory_fd;
  for (size_t i = 0; i < launch->plan->stdio_count; i++)
    if (launch->child_fds[i] > highest)
      highest = launch->child_fds[i];
  launch->unneeded_fd = (unsigned)(highest + 1);
  // A range that is none: refused as such where the call and its flag are known
  launch->shares_fds = syscall(SYS_close_range, 1, 0, CLOSE_RANGE_UNSHARE) < 0 && errno == EINVAL;
}

static long start_child(struct corral_launch *launch, void *stack, int *pidfd) {
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
  long answer =
      corral_launch_moves(launch) ? -ENOSYS : corral_clone3(&args, sizeof args, corral_child, launch);
  if (!corral_clone3_unavailable(answer))
    return answer;
  launch->move_into_group = launch->group_fd >= 0;
  int pid = clone(corral_child, (char *)stack + CHILD_STACK_BYTES, shared | SIGCHLD, launch, pidfd);
  return pid < 0 ? -errno : pid;
}

// Starts the child with every signal blocked, libc's own included: a handler that ran in the child would run
// on the gateway's memory.
static long start_child_undisturbed(struct corral_launch *launch, int *pidfd) {
  void *stack =
      mmap(NULL, CHILD_STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED)
    return -errno;
  uint64_t all = ~0ULL, before;
  (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, CORRAL_KERNEL_SIGSET_BYTES);
  long answer = start_child(launch, stack, pidfd);
  (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, CORRAL_KERNEL_SIGSET_BYTES);
  munmap(stack, CHILD_STACK_BYTES);
  return answer;
}

// ---- under way ----

// For as long as one system call takes.
static void lock(struct corral_under_way *under_way) {
  while (__atomic_exchange_n(&under_way->lock, 1, __ATOMIC_ACQUIRE))
    ;
}

static void unlock(struct corral_under_way *under_way) {
  __atomic_store_n(&under_way->lock, 0, __ATOMIC_RELEASE);
}

// From here on the descriptor is not another thread's to use.
static int release_pidfd(struct corral_under_way *under_way) {
  lock(under_way);
  int pidfd = under_way->pidfd;
  under_way->pidfd = -1;
  unlock(under_way);
  return pidfd;
}

void corral_spawn_kill(struct corral_under_way *under_way, int number, struct corral_error *error) {
  lock(under_way);
  under_way->outcome.unwanted = true;
  __atomic_thread_fence(__ATOMIC_SEQ_CST); // where there is no pidfd yet, the child comes to see that
  if (under_way->pidfd >= 0)
    (void)corral_pidfd_signal(under_way->pidfd, SIGKILL);
  const char *operation = under_way->outcome.operation, *path = under_way->outcome.path;
  unlock(under_way);
  corral_fail(error, number, operation ? operation : "clone", path);
}

// ---- the whole ----

static int attempt(struct corral_launch *launch, struct corral_under_way *under_way,
                   struct corral_spawned *spawned, struct corral_error *error) {
  long pid = start_child_undisturbed(launch, (int *)&under_way->pidfd);
  CORRAL_OWNED_FD pidfd = release_pidfd(under_way);
  if (pid < 0)
    return corral_fail(error, (int)-pid, "clone",
                       launch->plan->group ? launch->plan->group : launch->plan->command);
  int answer = corral_launch_judge(launch, pidfd, error);
  if (answer == 0)
    *spawned = (struct corral_spawned){
        .pid = (pid_t)pid, .pidfd = corral_release_fd(&pidfd), .created_in_place = !launch->move_into_group};
  return answer;
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

int corral_spawn(const struct corral_spawn_plan *plan, struct corral_under_way *under_way,
                 struct corral_spawned *spawned, int *parent_fds, struct corral_error *error) {
  struct corral_launcher launcher;
  corral_keep_exits();
  int answer = corral_launcher_open(&launcher, plan, parent_fds, error);
  if (answer < 0)
    return answer;
  launcher.launch.outcome = &under_way->outcome;
  answer = attempt(&launcher.launch, under_way, spawned, error);
  if (answer == -ECANCELED && corral_launch_unborn(&launcher.launch)) {
    error->number = 0;
    answer = attempt(&launcher.launch, under_way, spawned, error);
  }
  corral_launcher_close(&launcher);
  if (answer < 0) {
    corral_close_fds(parent_fds, plan->stdio_count);
    return answer;
  }
  spawned->pidfd = corral_put_away(spawned->pidfd);
  for (size_t i = 0; i < plan->stdio_count; i++)
    parent_fds[i] = corral_put_away(parent_fds[i]);
  return 0;
}
