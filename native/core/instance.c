#define _GNU_SOURCE
#include "instance.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "collect.h"
#include "ledger.h"
#include "lock.h"
#include "memory_v1.h"
#include "own.h"
#include "peer.h"
#include "tree.h"

#define ATTEMPTS 100 // at <root>/corral, which others may be removing just now
// Nobody else lists them, nobody else locks them (flock(2) takes a descriptor for reading); a session with a
// uid of its own goes through them to the files of its own cgroup.
#define OPENED_BY_OTHERS 0044

static bool path_in(char path[PATH_MAX], const char *directory, const char *name) {
  return snprintf(path, PATH_MAX, "%s/%s", directory, name) < PATH_MAX;
}

// ---- whose they are ----

pid_t corral_instance_pid(int directory_fd) {
  char text[16], *end;
  ssize_t length = fgetxattr(directory_fd, CORRAL_PID_LABEL, text, sizeof text - 1);
  if (length <= 0)
    return 0;
  text[length] = '\0';
  long pid = strtol(text, &end, 10);
  return *end == '\0' && pid > 0 && pid <= INT_MAX ? (pid_t)pid : 0;
}

// As newInstanceName() of src/backend/cgroup/instance.ts and by_hand_block() of native/warden/by_hand.c make
// them.
static bool is_name(const char *name) {
  return name[0] == 'i' && strlen(name) == 11 && strspn(name + 1, "0123456789abcdef") == 10;
}

// Root sees to the instances of the user whose tree it is, too.
static bool is_our_uid(const struct stat *all, const struct stat *directory) {
  return directory->st_uid == geteuid() || (geteuid() == 0 && directory->st_uid == all->st_uid);
}

// A mode can only be set by the owner, whatever number that is shown with (inode_owner_or_capable() of
// fs/inode.c).
static bool is_owner(int fd, const struct stat *directory) {
  return !corral_uid_says_nothing(directory->st_uid) || fchmod(fd, directory->st_mode & 07777) == 0;
}

static enum corral_instance_state state_by(int lock) {
  if (lock >= 0)
    return CORRAL_DEAD;
  if (lock == -ENOENT || lock == -ENODEV)
    return CORRAL_GONE;
  return lock == -EINPROGRESS ? CORRAL_ENDING : CORRAL_LIVE;
}

// Judges `name` in <root>/corral and, where it is an instance, tries its lock.
static struct corral_instance judge(int all_fd, const struct stat *all, const char *name) {
  struct corral_instance found = {.name = name, .state = CORRAL_FOREIGN, .lock = -1};
  struct stat status;
  CORRAL_OWNED_FD entry = corral_open_below(all_fd, name, O_PATH | O_NOFOLLOW);
  if (entry < 0 || fstat(entry, &status) < 0) {
    found.state = errno == ENOENT || errno == ENODEV ? CORRAL_GONE : CORRAL_FOREIGN;
    snprintf(found.why, sizeof found.why, "it is not Corral's: it cannot be looked at: %s", strerror(errno));
    return found;
  }
  if (!is_name(name) || !is_our_uid(all, &status)) {
    snprintf(found.why, sizeof found.why,
             is_name(name) ? "it is not Corral's: it belongs to uid %u"
                           : "it is not Corral's: its name is not that of an instance",
             status.st_uid);
    return found;
  }
  CORRAL_OWNED_FD fd = corral_open_below(all_fd, name, CORRAL_OPEN_DIRECTORY);
  if (fd < 0) {
    found.state = errno == ENOENT || errno == ENODEV ? CORRAL_GONE : CORRAL_FOREIGN;
    snprintf(found.why, sizeof found.why, "it is not Corral's: it cannot be opened: %s", strerror(errno));
    return found;
  }
  if (!is_owner(fd, &status)) {
    snprintf(found.why, sizeof found.why, "it is not Corral's: it belongs to a user who has no uid here");
    return found;
  }
  found.lock = corral_lock_dead(all_fd, name, &found.locked);
  found.state = state_by(found.lock);
  if (found.state != CORRAL_LIVE && found.state != CORRAL_GONE && corral_instance_pid(fd) == 0) {
    snprintf(found.why, sizeof found.why, "it is not Corral's: it has no label " CORRAL_PID_LABEL);
    corral_drop_fd(&found.lock);
    found.state = CORRAL_FOREIGN;
  }
  return found;
}

int corral_instances_visit(const struct corral_base *root,
                           void (*see)(void *context, const struct corral_instance *instance),
                           void *context) {
  struct stat status;
  CORRAL_OWNED_FD all = corral_open_below(root->fd, CORRAL_DIRECTORY, CORRAL_OPEN_DIRECTORY);
  int listed = all < 0 ? -1 : corral_open_below(all, ".", CORRAL_OPEN_DIRECTORY);
  DIR *listing = listed < 0 ? NULL : fdopendir(listed);
  if (!listing || fstat(all, &status) < 0) {
    int refused = errno;
    corral_close_fd(&listed);
    return refused == ENOENT || refused == ENODEV ? 0 : -refused;
  }
  for (const struct dirent *entry; (entry = readdir(listing));) {
    if (entry->d_type != DT_DIR || !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
      continue;
    const struct corral_instance found = judge(all, &status, entry->d_name);
    if (found.state != CORRAL_GONE)
      see(context, &found);
  }
  closedir(listing);
  return 0;
}

// ---- making one ----

// Its owner rules over what is in it.
static bool is_ours(const struct stat *root, const struct stat *all) {
  return all->st_uid == geteuid() || all->st_uid == root->st_uid || all->st_uid == 0;
}

// <root>/corral, made where it is not there.
static int open_directory(const struct corral_base *root, struct corral_error *error) {
  char path[PATH_MAX];
  struct stat above, all;
  if (!path_in(path, root->path, CORRAL_DIRECTORY))
    return corral_fail(error, ENAMETOOLONG, "mkdir", root->path);
  if (mkdirat(root->fd, CORRAL_DIRECTORY, CORRAL_DIRECTORY_MODE) < 0 && errno != EEXIST)
    return corral_fail(error, errno, "mkdir", path);
  CORRAL_OWNED_FD fd = corral_open_below(root->fd, CORRAL_DIRECTORY, CORRAL_OPEN_DIRECTORY);
  if (fd < 0)
    return corral_fail(error, errno, "open", path);
  if (fstat(fd, &all) < 0 || fstat(root->fd, &above) < 0)
    return corral_fail(error, errno, "stat", path);
  if (!is_ours(&above, &all))
    return corral_fail(error, EPERM, "check owner", path);
  if (all.st_mode & OPENED_BY_OTHERS) // as older releases made it
    (void)fchmod(fd, all.st_mode & 07777 & ~OPENED_BY_OTHERS);
  return corral_release_fd(&fd);
}

// The label comes first: a sweeper takes what has it and is not locked, which is then made again. So nothing
// is left that no sweeper takes.
static int make_in(int all_fd, const char *name, const char *command, const char *path,
                   struct corral_error *error) {
  char pid[16];
  bool taken;
  int length = snprintf(pid, sizeof pid, "%d", getpid());
  bool made = mkdirat(all_fd, name, CORRAL_DIRECTORY_MODE) == 0;
  if (!made && errno != EEXIST)
    return corral_fail(error, errno, "mkdir", path);
  CORRAL_OWNED_FD fd = corral_open_below(all_fd, name, CORRAL_OPEN_DIRECTORY);
  if (fd < 0)
    return corral_fail(error, errno, "open", path);
  if (!made && corral_instance_pid(fd) != getpid()) // not of an earlier try of ours
    return corral_fail(error, EEXIST, "mkdir", path);
  if (made && fsetxattr(fd, CORRAL_PID_LABEL, pid, (size_t)length, 0) < 0) {
    int refused = errno;
    (void)unlinkat(all_fd, name, AT_REMOVEDIR);
    return corral_fail(error, refused, "setxattr", path);
  }
  CORRAL_OWNED_FD lock = corral_lock(all_fd, name, &taken);
  if (lock < 0 || !taken)
    return corral_fail(error, lock < 0 ? -lock : EWOULDBLOCK, "flock", path);
  (void)fsetxattr(lock, CORRAL_COMMAND_LABEL, command, strlen(command), 0); // a hint for people
  return corral_release_fd(&lock);
}

int corral_instance_make(const struct corral_base *root, const char *name, const char *command,
                         struct corral_error *error) {
  char path[PATH_MAX];
  if (snprintf(path, PATH_MAX, "%s/" CORRAL_DIRECTORY "/%s", root->path, name) >= PATH_MAX)
    return corral_fail(error, ENAMETOOLONG, "mkdir", root->path);
  for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
    CORRAL_OWNED_FD all = open_directory(root, error);
    int lock = all < 0 ? all : make_in(all, name, command, path, error);
    if (lock != -ENOENT)
      return lock;
  }
  return corral_fail(error, ENOENT, "mkdir", path);
}

bool corral_instance_must_wait(const struct corral_error *error) {
  return error->number == EWOULDBLOCK && !strcmp(error->operation, "flock");
}

void corral_instances_remove_directory(const struct corral_base *root) {
  struct stat above, all;
  CORRAL_OWNED_FD fd = corral_open_below(root->fd, CORRAL_DIRECTORY, O_PATH | O_NOFOLLOW);
  if (fd >= 0 && fstat(fd, &all) == 0 && fstat(root->fd, &above) == 0 && is_ours(&above, &all))
    (void)corral_remove_entry(root->fd, CORRAL_DIRECTORY); // refused while something is in it
}

// ---- taking them away ----

int corral_instance_remove(const struct corral_path *instance, const struct corral_end_plan *plan,
                           struct corral_error *error) {
  CORRAL_OWNED_FD directory = corral_open_path(instance, CORRAL_OPEN_DIRECTORY);
  if (directory < 0)
    return errno == ENOENT ? 0 : corral_fail(error, errno, "open cgroup", instance->path);
  const struct corral_base base = {.fd = directory, .path = instance->path};
  char sessions[PATH_MAX];
  int answer = 0;
  if (path_in(sessions, instance->path, CORRAL_SESSIONS)) {
    const struct corral_path all = corral_path_of(&base, sessions);
    answer = corral_collect_sessions(&all, plan, error);
  }
  // What has moved itself out of the sessions is still in their memory cgroups
  if (answer == 0)
    answer = corral_empty(instance, plan, error);
  // Word of these goes with the directory
  if (answer == 0)
    answer = corral_memory_v1_remove(directory, instance->path, error);
  return answer < 0 ? answer : corral_collect(instance, plan, error);
}

struct sweep {
  const struct corral_base *root;
  const struct corral_end_plan *plan;
  bool found;
};

static void collect_dead(void *context, const struct corral_instance *instance) {
  struct sweep *sweep = context;
  struct corral_error error;
  char path[PATH_MAX];
  if (instance->state != CORRAL_DEAD)
    return;
  if (snprintf(path, PATH_MAX, "%s/" CORRAL_DIRECTORY "/%s", sweep->root->path, instance->name) < PATH_MAX) {
    struct corral_path dead = corral_path_of(sweep->root, path);
    dead.fd = instance->lock;
    (void)corral_instance_remove(&dead, sweep->plan, &error);
  }
  close(instance->lock);
  sweep->found = true;
}

void corral_instance_sweep(const struct corral_base *root, const struct corral_end_plan *plan) {
  struct corral_end_plan own = *plan;
  struct corral_ledger ledger;
  if (plan->ledger) {
    ledger = *plan->ledger;
    ledger.writer = "sweep";
    own.ledger = &ledger;
  }
  struct sweep sweep = {.root = root, .plan = &own};
  (void)corral_instances_visit(root, collect_dead, &sweep);
  if (sweep.found)
    corral_instances_remove_directory(root);
}
