#define _GNU_SOURCE
#include "unborn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clone3.h"
#include "own.h"
#include "pidfd.h"

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif

#define STACK_BYTES ((size_t)16 * 1024)
// A group takes a moment to be seen empty after its last process was reaped.
#define REMOVALS 100
#define REMOVE_AGAIN_NS 1000000

static bool died; // told by any thread to all

static int live(void *lived) {
  *(volatile bool *)lived = true;
  return 0;
}

// On memory of ours, as a fork of a large gateway takes long; it does nothing there, and no signal is handled
// in it.
static bool dies_in(int group_fd, void *stack) {
  volatile bool lived = false;
  int pidfd = -1;
  struct corral_clone_args args = {
      .flags = (uint64_t)(CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_PIDFD) | CLONE_INTO_CGROUP,
      .pidfd = (uint64_t)(uintptr_t)&pidfd,
      .exit_signal = SIGCHLD,
      .stack = (uint64_t)(uintptr_t)stack,
      .stack_size = STACK_BYTES,
      .cgroup = (uint64_t)group_fd,
  };
  uint64_t all = ~0ULL, before;
  (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
  long pid = corral_clone3(&args, sizeof args, live, (void *)&lived);
  (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
  if (pid < 0)
    return false;
  struct corral_exit ended;
  corral_pidfd_wait(pidfd, true, &ended);
  close(pidfd);
  return !lived;
}

static void remove_group(int at_fd, const char *name) {
  const struct timespec pause = {.tv_nsec = REMOVE_AGAIN_NS};
  for (int i = 0; i < REMOVALS && unlinkat(at_fd, name, AT_REMOVEDIR) < 0 && errno == EBUSY; i++)
    nanosleep(&pause, NULL);
}

static bool ask(int group_fd, void *stack) {
  char name[32];
  snprintf(name, sizeof name, "corral-probe-%ld", syscall(SYS_gettid));
  if (mkdirat(group_fd, name, 0755) < 0)
    return false;
  CORRAL_OWNED_FD fresh = openat(group_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
  bool dies = fresh >= 0 && dies_in(fresh, stack);
  remove_group(group_fd, name);
  return dies;
}

bool corral_clones_die(int group_fd) {
  void *stack =
      mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED)
    return false;
  if (ask(group_fd, stack))
    __atomic_store_n(&died, true, __ATOMIC_RELAXED);
  munmap(stack, STACK_BYTES);
  return corral_clones_died();
}

bool corral_clones_died(void) {
  return __atomic_load_n(&died, __ATOMIC_RELAXED);
}
