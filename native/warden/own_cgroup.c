#define _GNU_SOURCE
#include "own_cgroup.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/fork.h"
#include "../core/instance.h"
#include "../core/mark.h"
#include "../core/own.h"

#define OPEN_PATH (O_PATH | O_DIRECTORY | O_CLOEXEC)

// The top of the mount that `directory` is in: the last one on the way up that is on the same device.
static int open_top(const char *directory) {
  int at = open(directory, OPEN_PATH);
  struct stat here, above;
  if (at < 0 || fstat(at, &here) < 0)
    return at;
  for (;;) {
    CORRAL_OWNED_FD up = openat(at, "..", OPEN_PATH);
    if (up < 0 || fstat(up, &above) < 0 || above.st_dev != here.st_dev || above.st_ino == here.st_ino)
      return at;
    close(at);
    at = corral_release_fd(&up);
    here = above;
  }
}

int open_own_cgroup(const char *directory) {
  char path[PATH_MAX + 2]; // room to see that it is too long
  if (!corral_cgroup_of(getpid(), path, sizeof path) || strlen(path) > PATH_MAX)
    return -1;
  CORRAL_OWNED_FD top = open_top(directory);
  return top < 0 ? -1 : openat(top, path[1] ? path + 1 : ".", OPEN_PATH);
}

pid_t fork_into_own_cgroup(int own_cgroup, const struct corral_base *root, bool no_clone3) {
  CORRAL_OWNED_FD at_root = corral_open_below(root->fd, ".", O_PATH | O_DIRECTORY);
  CORRAL_OWNED_FD supervisor = corral_open_below(root->fd, CORRAL_SUPERVISOR, O_PATH | O_DIRECTORY);
  CORRAL_OWNED_FD top = open_top(root->path);
  const int cgroups[] = {own_cgroup, supervisor, at_root, top};
  for (size_t i = 0; i < sizeof cgroups / sizeof *cgroups; i++) {
    pid_t pid = cgroups[i] < 0 ? -1 : corral_fork_into(cgroups[i], no_clone3);
    if (pid >= 0)
      return pid;
  }
  return -1;
}
