#define _GNU_SOURCE
#include "guard.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../core/collect.h"
#include "../core/fork.h"
#include "../core/instance.h"
#include "../core/lock.h"
#include "../core/mark.h"
#include "../core/own.h"
#include "../core/pidfd.h"
#include "close_from.h"
#include "own_cgroup.h"
#include "undumpable.h"

// How long to leave alone what outlived SIGKILL (uninterruptible sleep) before it is tried again.
#define TRY_AGAIN_S 1
// Where the descriptors of the two directories are, and where none of the others is.
#define ROOT_FD 3
#define INSTANCE_FD 4
#define KEPT 8

struct guard {
  const struct guard_plan *plan;
  int owner; // pidfd
  int owner_cgroup;
  char path[PATH_MAX], sessions[PATH_MAX], warden[PATH_MAX];
  struct corral_path instance;
};

static void send_word(const struct guard *guard, char word) {
  // MSG_NOSIGNAL: a word to an owner that has just died must not end us
  (void)send(guard->plan->lifeline, &word, 1, MSG_NOSIGNAL);
}

// Waits for a word of the owner's; 0: the owner is gone. The lifeline ends as soon as the kernel closes the
// owner's files, unless a child that the owner was just starting has a copy; the pidfd knows of no copies.
static char receive_word(const struct guard *guard) {
  for (;;) {
    struct pollfd poll_set[] = {{.fd = guard->plan->lifeline, .events = POLLIN},
                                {.fd = guard->owner, .events = POLLIN}};
    if (poll(poll_set, 2, -1) < 0)
      continue;
    char word;
    if (poll_set[0].revents)
      return recv(guard->plan->lifeline, &word, 1, MSG_DONTWAIT) == 1 ? word : '\0';
    if (poll_set[1].revents)
      return '\0';
  }
}

typedef int (*remover)(const struct corral_path *directory, const struct corral_end_plan *plan,
                       struct corral_error *error);

// Until nothing of it is left: who else would?
static void insist_on(remover remove, const struct guard *guard, const struct corral_path *directory) {
  const struct timespec pause = {.tv_sec = TRY_AGAIN_S};
  struct corral_error error;
  while (remove(directory, &guard->plan->end, &error) < 0)
    nanosleep(&pause, NULL);
}

// A path in the instance: from its own directory, once that is held.
static struct corral_path path_in(const struct guard *guard, const char *path) {
  const struct corral_base instance = {.fd = guard->instance.fd, .path = guard->path};
  return corral_path_of(instance.fd >= 0 ? &instance : &guard->plan->root, path);
}

// Whoever does this must not live in the instance.
_Noreturn static void remove_instance(const struct guard *guard, bool owner_died) {
  insist_on(corral_instance_remove, guard, &guard->instance);
  corral_instances_remove_directory(&guard->plan->root);
  if (owner_died) // it may have been sweeping, and left that half-done
    corral_instance_sweep(&guard->plan->root, &guard->plan->end);
  _exit(0);
}

// The sessions first: they are what hurts. An owner that died is replaced as the holder of the lock, so that
// no sweeper takes the same instance; one that has it all the same ends us with the rest.
_Noreturn static void collect(const struct guard *guard, bool moved_in, bool owner_died) {
  const char *name;
  bool taken;
  CORRAL_OWNED_FD above = owner_died ? corral_open_parent(&guard->instance, &name) : -1;
  if (above >= 0)
    (void)corral_lock_dead(above, name, &taken); // kept up to our end
  const struct corral_path sessions = path_in(guard, guard->sessions);
  insist_on(corral_collect_sessions, guard, &sessions);
  if (!moved_in)
    remove_instance(guard, owner_died);
  pid_t last = fork_into_own_cgroup(guard->owner_cgroup, &guard->plan->root, guard->plan->no_clone3);
  if (last == 0)
    remove_instance(guard, owner_died);
  _exit(last < 0); // nowhere else to live: the two empty directories are left for the next sweep
}

// Gives the guard a group of its own, a new one: a group that was killed once kills whatever is cloned into
// it. Returns in the guard; the first process is done.
static void move_in(struct guard *guard) {
  struct corral_error error;
  if (guard->instance.fd < 0)
    guard->instance.fd = corral_open_path(&guard->instance, CORRAL_OPEN_DIRECTORY);
  const struct corral_path warden = path_in(guard, guard->warden);
  if (guard->instance.fd < 0 || corral_collect(&warden, &guard->plan->end, &error) < 0 ||
      mkdirat(guard->instance.fd, CORRAL_WARDEN, CORRAL_DIRECTORY_MODE) < 0)
    _exit(1);
  CORRAL_OWNED_FD group = corral_open_path(&warden, O_PATH | O_DIRECTORY);
  pid_t next = group < 0 ? -1 : corral_fork_into(group, guard->plan->no_clone3);
  if (next != 0)
    _exit(next < 0);
}

static bool set_paths(struct guard *guard) {
  const struct guard_plan *plan = guard->plan;
  if (snprintf(guard->path, PATH_MAX, "%s/" CORRAL_DIRECTORY "/%s", plan->root.path, plan->name) >=
          PATH_MAX ||
      snprintf(guard->sessions, PATH_MAX, "%s/" CORRAL_SESSIONS, guard->path) >= PATH_MAX ||
      snprintf(guard->warden, PATH_MAX, "%s/" CORRAL_WARDEN, guard->path) >= PATH_MAX)
    return false;
  guard->instance = corral_path_of(&plan->root, guard->path);
  guard->instance.fd = plan->instance_fd;
  return plan->root.fd >= 0;
}

// Takes a descriptor along to a number behind stdio.
static int keep(int fd, int number) {
  if (fd < 0)
    return -1;
  if (dup2(fd, number) < 0)
    _exit(1);
  return number;
}

// Nothing of the owner's but the lifeline and the two directories: not its terminal, its stdio, its directory
// or its signals. SIGKILL and SIGSTOP are all that reaches us.
static void detach(struct guard_plan *plan) {
  const uint64_t all = ~0ULL; // libc would leave out its own two
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof all);
  setsid();
  (void)!chdir("/");
  int null = open("/dev/null", O_RDWR);
  // Out of the way first, that none is put over another
  int lifeline = fcntl(plan->lifeline, F_DUPFD, KEPT), root = fcntl(plan->root.fd, F_DUPFD, KEPT),
      instance = plan->instance_fd < 0 ? -1 : fcntl(plan->instance_fd, F_DUPFD, KEPT);
  if (lifeline < 0 || root < 0 || dup2(lifeline, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
      dup2(null, STDERR_FILENO) < 0)
    _exit(1);
  plan->lifeline = STDIN_FILENO;
  plan->root.fd = keep(root, ROOT_FD);
  plan->instance_fd = keep(instance, INSTANCE_FD);
  close_from(instance < 0 ? INSTANCE_FD : INSTANCE_FD + 1);
}

_Noreturn void guard(const struct guard_plan *given) {
  struct guard_plan plan = *given;
  struct guard guard = {.plan = &plan};
  become_undumpable();
  prctl(PR_SET_NAME, CORRAL_GUARD);
  if (geteuid() == 0)
    corral_read_login_marks();
  if (plan.root.fd < 0)
    plan.root.fd = corral_open_root(plan.root.path);
  detach(&plan);
  guard.owner = corral_pidfd_open(plan.owner);
  // Still our parent, so the pidfd is the owner's and nobody's who has its pid now
  if (guard.owner < 0 || getppid() != plan.owner || !set_paths(&guard))
    _exit(1);
  guard.owner_cgroup = open_own_cgroup(plan.root.path);
  send_word(&guard, GUARD_READY);
  char word = receive_word(&guard);
  if (word != GUARD_MADE)
    collect(&guard, false, word != GUARD_OVER);
  move_in(&guard);
  send_word(&guard, GUARD_MOVED_IN);
  collect(&guard, true, receive_word(&guard) != GUARD_OVER);
}
