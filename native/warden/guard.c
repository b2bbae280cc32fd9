#define _GNU_SOURCE
#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../core/collect.h"
#include "../core/fork.h"
#include "../core/instance.h"
#include "../core/lock.h"
#include "../core/mark.h"
#include "../core/own.h"
#include "../core/pidfd.h"
#include "own_cgroup.h"
#include "poll_set.h"
#include "undumpable.h"

// How long to leave alone what outlived SIGKILL (uninterruptible sleep) before it is tried again.
#define TRY_AGAIN_S 1
struct guard {
  const struct guard_plan *plan;
  struct poll_set poll_set;
  int owner_cgroup;
  char path[PATH_MAX], sessions[PATH_MAX], warden[PATH_MAX];
  struct corral_path instance;
};

// Up to protocol 2 an owner has a stream socket, and each word is a byte.
#define BYTES_PROTOCOL 2
static const struct {
  enum corral_message_kind kind;
  char byte;
} BYTES[] = {{CORRAL_GUARD_READY, 'r'},
             {CORRAL_INSTANCE_MADE, 'm'},
             {CORRAL_MOVED_IN, 'g'},
             {CORRAL_REMOVE_INSTANCE, 'q'}};
#define BYTE_COUNT (sizeof BYTES / sizeof *BYTES)

// With a pidfd of that process: where it comes to the owner, who is init, that is to reap it.
static void send_kind(struct guard *guard, enum corral_message_kind kind, pid_t process) {
  CORRAL_OWNED_FD pidfd = process > 0 ? corral_pidfd_open(process) : -1;
  // An owner that has just died must not end us
  if (guard->plan->protocol > BYTES_PROTOCOL)
    (void)poll_send(&guard->poll_set, &(struct corral_message){.kind = kind}, pidfd);
  for (size_t i = 0; i < BYTE_COUNT && guard->plan->protocol <= BYTES_PROTOCOL; i++)
    if (BYTES[i].kind == kind)
      (void)send(STDIN_FILENO, &BYTES[i].byte, 1, MSG_NOSIGNAL);
}

// As poll_receive(), of one byte.
static int receive_byte(const struct guard *guard, struct corral_message *message) {
  struct pollfd owner = guard->poll_set.of[OWNER];
  char byte;
  ssize_t length = recv(STDIN_FILENO, &byte, 1, MSG_DONTWAIT);
  if (length != 1)
    return length == 0 || errno != EAGAIN || poll(&owner, 1, 0) > 0 ? -1 : 0;
  for (size_t i = 0; i < BYTE_COUNT; i++)
    if (BYTES[i].byte == byte)
      message->kind = BYTES[i].kind;
  return 1;
}

// Waits for what the owner says; 0: the owner is gone.
static uint32_t receive_kind(struct guard *guard) {
  for (;;) {
    struct corral_message message = {0};
    struct corral_fds fds = {.count = 0};
    int received = guard->plan->protocol > BYTES_PROTOCOL ? poll_receive(&guard->poll_set, &message, &fds)
                                                          : receive_byte(guard, &message);
    corral_fds_close(&fds);
    if (received != 0)
      return received > 0 ? message.kind : 0;
    poll_wait(&guard->poll_set, -1);
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

// The process that does this must not live in the instance.
_Noreturn static void remove_instance(const struct guard *guard, bool owner_died) {
  insist_on(corral_instance_remove, guard, &guard->instance);
  corral_instances_remove_directory(&guard->plan->root);
  if (owner_died) // it may have been sweeping, and left that half-done
    corral_instance_sweep(&guard->plan->root, &guard->plan->end);
  _exit(0);
}

// The sessions first: they are what hurts. An owner that died is replaced as the holder of the lock, so that
// no sweeper takes the same instance; one that has it all the same ends us with the rest.
_Noreturn static void collect(struct guard *guard, bool moved_in, bool owner_died) {
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
  if (!owner_died)
    send_kind(guard, CORRAL_HANDED_OVER, last);
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
  return true;
}

_Noreturn void guard(const struct guard_plan *given) {
  struct guard_plan plan = *given;
  struct guard guard = {.plan = &plan};
  become_undumpable();
  if (geteuid() == 0)
    corral_read_login_marks();
  if (plan.root.fd < 0)
    plan.root.fd = corral_open_root(plan.root.path);
  int owner = corral_pidfd_open(plan.owner);
  // Still our parent, so the pidfd is the owner's and nobody's who has its pid now
  if (owner < 0 || getppid() != plan.owner || plan.root.fd < 0)
    _exit(1);
  poll_set_open(&guard.poll_set, &(struct poll_set_plan){.name = CORRAL_GUARD_TITLE,
                                                         .lifeline = plan.lifeline,
                                                         .owner = owner,
                                                         .childless = true,
                                                         .kept = {plan.root.fd, plan.instance_fd}});
  plan.root.fd = KEPT_FD;
  if (plan.instance_fd >= 0)
    plan.instance_fd = KEPT_FD + 1;
  if (!set_paths(&guard))
    _exit(1);
  guard.owner_cgroup = open_own_cgroup(plan.root.path);
  send_kind(&guard, CORRAL_GUARD_READY, 0);
  uint32_t kind = receive_kind(&guard);
  if (kind == CORRAL_REMOVE_INSTANCE)
    plan.end.ledger = NULL; // its owner has written all lines
  if (kind != CORRAL_INSTANCE_MADE)
    collect(&guard, false, kind != CORRAL_REMOVE_INSTANCE);
  move_in(&guard);
  send_kind(&guard, CORRAL_MOVED_IN, getpid());
  kind = receive_kind(&guard);
  if (kind == CORRAL_REMOVE_INSTANCE)
    plan.end.ledger = NULL;
  collect(&guard, true, kind != CORRAL_REMOVE_INSTANCE);
}
