#define _GNU_SOURCE
#include "features.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clone3.h"
#include "pidfd.h"
#include "unborn.h"

#ifndef SYS_clone3
#define SYS_clone3 435
#endif

// Into a descriptor that is not open: EBADF comes from the kernel's look for the cgroup, after all else was
// accepted.
static bool clones_into_cgroup(void) {
  struct corral_clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = INT_MAX};
  long answer = syscall(SYS_clone3, &args, sizeof args);
  if (answer == 0)
    _exit(0); // a child all the same
  return answer < 0 && errno == EBADF;
}

static bool opens_pidfd(void) {
  int pidfd = corral_pidfd_open(getpid());
  if (pidfd < 0)
    return false;
  close(pidfd);
  return true;
}

struct corral_features corral_features_seen(void) {
  return (struct corral_features){.clone_into_cgroup = clones_into_cgroup(),
                                  .clones_died = corral_clones_died(),
                                  .pidfd = opens_pidfd(),
                                  .children = access("/proc/thread-self/children", R_OK) == 0};
}
