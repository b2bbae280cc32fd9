#define _GNU_SOURCE
#include "enter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "../core/children.h"
#include "../core/collect.h"
#include "../core/launch.h"
#include "../core/mark.h"
#include "../core/members.h"
#include "../core/own.h"
#include "log.h"

#define OWNER_MS 30000 // a thread that does nothing else looks, in a millisecond
#define FIRST_WAIT_NS 50000
#define LONGEST_WAIT_NS 5000000

static bool is_the_group(int group_fd, uint64_t group_id) {
  struct stat found;
  return fstat(group_fd, &found) == 0 && found.st_ino == group_id && corral_is_cgroup(group_fd);
}

static bool is_member(int group_fd) {
  struct corral_members members = {0};
  const struct corral_path group = {.at = group_fd, .below = ".", .fd = group_fd};
  bool member = corral_members_read(&group, &members) == 0 && corral_members_has(&members, getpid());
  corral_members_free(&members);
  return member;
}

// Tells owners of version 0.1.0 that somebody came. Later ones look (native/addon/first_job.cc).
static int announce(int group_fd) {
  char pid[16];
  int length = snprintf(pid, sizeof pid, "%d", getpid());
  return fsetxattr(group_fd, CORRAL_LEADER_LABEL, pid, (size_t)length, 0);
}

// Until the owner of the session has seen who came, it has the lock of the group: so it holds us by a pidfd
// before the command does anything. Once there is no owner, there is no lock.
static bool await_look(int group_fd) {
  const int64_t until_ms = corral_now_ms() + OWNER_MS;
  for (long wait_ns = FIRST_WAIT_NS; flock(group_fd, LOCK_SH | LOCK_NB) < 0; wait_ns += wait_ns / 2) {
    if (errno != EWOULDBLOCK)
      return true; // a file system that has no locks: nobody holds one
    if (corral_now_ms() > until_ms)
      return false;
    if (wait_ns > LONGEST_WAIT_NS)
      wait_ns = LONGEST_WAIT_NS;
    (void)nanosleep(&(struct timespec){.tv_nsec = wait_ns}, NULL);
  }
  return true;
}

static bool move_to(int group_fd) {
  CORRAL_OWNED_FD procs = group_fd < 0 ? -1 : openat(group_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
  return procs >= 0 && write(procs, "0", 1) == 1;
}

static int join_memory(const char *group) {
  CORRAL_OWNED_FD group_fd = open(group, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (group_fd >= 0 && move_to(group_fd))
    return 0;
  log_message("%s cannot be entered: %s", group, log_reason(errno));
  return STATUS_FAILED;
}

static int join(const char *group, uint64_t group_id) {
  CORRAL_OWNED_FD group_fd = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (group_fd < 0 || !is_the_group(group_fd, group_id)) {
    log_message("the session in %s is over: start another one", group);
    return STATUS_FAILED;
  }
  CORRAL_OWNED_FD inside = corral_open_inside(group_fd);
  if (!move_to(inside)) {
    const int refused = errno;
    // cgroups(7), "Delegation: moving processes"
    log_message("%s cannot be entered: %s%s", group, log_reason(refused),
                refused == EACCES || refused == EPERM
                    ? ": only root, and its user from a cgroup that was delegated to it as well, may"
                    : "");
    return STATUS_FAILED;
  }
  if (!is_member(group_fd) || announce(group_fd) < 0) {
    log_message("%s was entered, but the kernel does not say so", group);
    return STATUS_FAILED;
  }
  if (await_look(group_fd))
    return 0;
  log_message("%s was entered, but the gateway has not looked for %d s: is it stopped?", group,
              OWNER_MS / 1000);
  return STATUS_FAILED;
}

// As who is started in the group bears it (spawn_child.c).
static void bear_mark(const char *group) {
  CORRAL_OWNED_FD group_fd = open(group, O_PATH | O_DIRECTORY | O_CLOEXEC);
  const int64_t mark = group_fd < 0 ? 0 : corral_mark_of_group(group_fd);
  const struct rlimit limit = {(rlim_t)mark, (rlim_t)mark};
  if (mark > 0)
    (void)setrlimit(RLIMIT_LOCKS, &limit);
}

static int bear_login_mark(const char *group) {
  char text[12];
  CORRAL_OWNED_FD group_fd = open(group, O_PATH | O_DIRECTORY | O_CLOEXEC);
  const uint32_t login = group_fd < 0 ? 0 : corral_login_mark_of_group(group_fd);
  const int length = snprintf(text, sizeof text, "%u", login);
  CORRAL_OWNED_FD fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
  if (login == 0 || (fd >= 0 && write(fd, text, (size_t)length) == length))
    return 0;
  log_message("the login uid cannot be set: %s", log_reason(errno));
  return STATUS_FAILED;
}

int enter(const char *group, uint64_t group_id, const char *memory_group, bool login_mark, char **command) {
  int status = join(group, group_id);
  if (!status && memory_group)
    status = join_memory(memory_group);
  if (!status && login_mark)
    status = bear_login_mark(group);
  if (status)
    return status;
  corral_make_killable();
  bear_mark(group);
  execvp(command[0], command);
  int refused = errno;
  log_message("'%s' cannot be started: %s", command[0], log_reason(refused));
  return refused == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN;
}
