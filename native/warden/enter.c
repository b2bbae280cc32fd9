#define _GNU_SOURCE
#include "enter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../core/members.h"
#include "../core/own.h"
#include "tell.h"

#define LEADER_LABEL "user.corral.leader"

static bool is_the_group(int group_fd, uint64_t group_id) {
  struct stat found;
  return fstat(group_fd, &found) == 0 && found.st_ino == group_id && corral_is_cgroup(group_fd);
}

static bool is_member(int group_fd) {
  struct corral_members members = {0};
  const struct corral_place group = {.at = group_fd, .below = ".", .fd = group_fd};
  bool member = corral_members_read(&group, &members) == 0 && corral_members_has(&members, getpid());
  corral_members_free(&members);
  return member;
}

// Tells the owner of the session that somebody came, who looks for itself who that is.
static int announce(int group_fd) {
  char pid[16];
  int length = snprintf(pid, sizeof pid, "%d", getpid());
  return fsetxattr(group_fd, LEADER_LABEL, pid, (size_t)length, 0);
}

static bool move_to(int group_fd) {
  CORRAL_OWNED_FD procs = openat(group_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
  return procs >= 0 && write(procs, "0", 1) == 1;
}

static int join_memory(const char *group) {
  CORRAL_OWNED_FD group_fd = open(group, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (group_fd >= 0 && move_to(group_fd))
    return 0;
  tell("%s cannot be entered: %s", group, strerror(errno));
  return STATUS_FAILED;
}

static int join(const char *group, uint64_t group_id) {
  CORRAL_OWNED_FD group_fd = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (group_fd < 0 || !is_the_group(group_fd, group_id)) {
    tell("the session in %s is over: start another one", group);
    return STATUS_FAILED;
  }
  if (!move_to(group_fd)) {
    tell("%s cannot be entered: %s", group, strerror(errno));
    return STATUS_FAILED;
  }
  if (is_member(group_fd) && announce(group_fd) == 0)
    return 0;
  tell("%s was entered, but the kernel does not say so", group);
  return STATUS_FAILED;
}

int enter(const char *group, uint64_t group_id, const char *memory_group, char **command) {
  int status = join(group, group_id);
  if (!status && memory_group)
    status = join_memory(memory_group);
  if (status)
    return status;
  execvp(command[0], command);
  int refused = errno;
  tell("'%s' cannot be started: %s", command[0], strerror(refused));
  return refused == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN;
}
