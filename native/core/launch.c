#define _GNU_SOURCE
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "children.h"
#include "instance.h"
#include "mark.h"
#include "own.h"
#include "path.h"
#include "pidfd.h"
#include "populated.h"
#include "unborn.h"

// Our end, as libuv would make it when the stream is opened; but what nobody has asked for is read without
// one.
static int never_waits(int parent_fd) {
  return fcntl(parent_fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

int corral_stdio_make(const struct corral_stdio *stdio, int *child_fd, int *parent_fd, bool *ours) {
  int pair[2];
  *ours = true;
  switch (stdio->kind) {
  case CORRAL_STDIO_NONE:
    *child_fd = -1;
    *ours = false;
    return 0;
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
    return never_waits(*parent_fd);
  default:
    if (pipe2(pair, O_CLOEXEC) < 0)
      return -errno;
    bool child_reads = stdio->kind == CORRAL_STDIO_PIPE_IN;
    *child_fd = pair[child_reads ? 0 : 1], *parent_fd = pair[child_reads ? 1 : 0];
    return never_waits(*parent_fd);
  }
}

void corral_close_fds(int *fds, size_t count) {
  for (size_t i = 0; i < count; i++)
    corral_drop_fd(&fds[i]);
}

static int make_stdio(struct corral_launcher *launcher, const struct corral_spawn_plan *plan, int *parent_fds,
                      struct corral_error *error) {
  for (size_t i = 0; i < plan->stdio_count; i++) {
    int answer =
        corral_stdio_make(&plan->stdio[i], &launcher->child_fds[i], &parent_fds[i], &launcher->ours[i]);
    if (answer < 0)
      return corral_fail(error, -answer, "make stdio", plan->command);
  }
  return 0;
}

// Into a frozen group clone3 succeeds and the child hangs, and CLONE_VFORK hangs us with it (crun #2243).
static int refuse_frozen(int group_fd, const char *group, struct corral_error *error) {
  struct corral_group_events events;
  int answer = corral_read_group_events(group_fd, &events);
  if (answer < 0)
    return corral_fail(error, -answer, "read cgroup.events", group);
  return events.frozen ? corral_fail(error, EBUSY, "spawn into a frozen cgroup", group) : 0;
}

int corral_open_inside(int group_fd) {
  int fd = corral_open_below(group_fd, CORRAL_INSIDE, O_PATH | O_DIRECTORY);
  return fd < 0 && errno == ENOENT ? corral_open_below(group_fd, ".", O_PATH | O_DIRECTORY) : fd;
}

// Numbers of their own: one that is held has a high one.
static int open_group(struct corral_launcher *launcher, struct corral_error *error) {
  struct corral_launch *launch = &launcher->launch;
  const char *group = launch->plan->group;
  const int held_fd = launch->plan->group_fd;
  if (!group)
    return 0;
  CORRAL_OWNED_FD opened = held_fd < 0 ? open(group, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
  const int group_fd = held_fd < 0 ? opened : held_fd;
  launch->group_fd = group_fd < 0 ? -1 : corral_open_inside(group_fd);
  if (launch->group_fd < 0)
    return corral_fail(error, errno, "open cgroup", group);
  launch->mark = corral_mark_of_group(group_fd);
  const uint32_t login = launch->plan->login_mark ? corral_login_mark_of_group(group_fd) : 0;
  if (login)
    snprintf(launcher->login, sizeof launcher->login, "%u", login);
  launch->login = login ? launcher->login : NULL;
  return 0;
}

static int open_memory_group(const char *group, int *fd, struct corral_error *error) {
  if (!group)
    return 0;
  *fd = open(group, O_PATH | O_DIRECTORY | O_CLOEXEC);
  return *fd < 0 ? corral_fail(error, errno, "open cgroup", group) : 0;
}

int corral_launcher_open(struct corral_launcher *launcher, const struct corral_spawn_plan *plan,
                         int *parent_fds, struct corral_error *error) {
  struct corral_launch *launch = &launcher->launch;
  if (plan->stdio_count > CORRAL_MAX_STDIO)
    return corral_fail(error, EINVAL, "stdio", plan->command);
  *launch = (struct corral_launch){.plan = plan,
                                   .group_fd = -1,
                                   .memory_fd = -1,
                                   .child_fds = launcher->child_fds,
                                   .done_fd = -1,
                                   .unkillable = corral_is_unkillable()};
  for (size_t i = 0; i < plan->stdio_count; i++)
    launcher->child_fds[i] = parent_fds[i] = -1, launcher->ours[i] = false;
  int answer = make_stdio(launcher, plan, parent_fds, error);
  if (answer == 0)
    answer = open_group(launcher, error);
  if (answer == 0 && plan->group)
    answer = refuse_frozen(launch->group_fd, plan->group, error);
  if (answer == 0)
    answer = open_memory_group(plan->memory_group, &launch->memory_fd, error);
  if (answer < 0) {
    corral_launcher_close(launcher);
    corral_close_fds(parent_fds, plan->stdio_count);
  }
  return answer;
}

void corral_launcher_close(struct corral_launcher *launcher) {
  struct corral_launch *launch = &launcher->launch;
  for (size_t i = 0; i < launch->plan->stdio_count; i++)
    if (launcher->ours[i])
      corral_drop_fd(&launcher->child_fds[i]);
  corral_drop_fd(&launch->group_fd);
  corral_drop_fd(&launch->memory_fd);
}

bool corral_launch_moves(const struct corral_launch *launch) {
  return launch->plan->no_clone3 || (launch->group_fd >= 0 && corral_clones_died());
}

int corral_launch_judge(const struct corral_launch *launch, int pidfd, struct corral_error *error) {
  const volatile struct corral_outcome *outcome = launch->outcome;
  if (outcome->running && !outcome->number)
    return 0;
  struct corral_exit ended;
  corral_pidfd_wait(pidfd, true, &ended);
  if (!outcome->running)
    return corral_fail(error, ECANCELED, "spawn into a cgroup that was killed", launch->plan->group);
  return corral_fail(error, outcome->number, outcome->operation, outcome->path);
}

bool corral_launch_unborn(const struct corral_launch *launch) {
  return !launch->outcome->running && launch->group_fd >= 0 && !launch->move_into_group &&
         corral_clones_die(launch->group_fd);
}
