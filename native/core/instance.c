#define _GNU_SOURCE
#include "instance.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "collect.h"
#include "lock.h"
#include "memory_v1.h"
#include "own.h"

#define PID_LABEL "user.corral.pid"
#define COMMAND_LABEL "user.corral.command"
#define ATTEMPTS 100     // at <root>/corral, which others may be removing just now
#define TURN_MS 1000     // how long a sweep waits for its turn
#define DEAD_AT_ONCE 128 // instances that one sweep takes
#define TRY_AGAIN_NS 1000000

static bool path_in(char path[PATH_MAX], const char *home, const char *name) {
  return snprintf(path, PATH_MAX, "%s/%s", home, name) < PATH_MAX;
}

static int make_in_turn(const char *directory, const char *command, struct corral_error *error) {
  char pid[16];
  int length = snprintf(pid, sizeof pid, "%d", getpid());
  if (mkdir(directory, 0755) < 0)
    return corral_fail(error, errno, "mkdir", directory);
  int lock = corral_lock(directory);
  if (lock < 0) {
    rmdir(directory);
    return corral_fail(error, -lock, "flock", directory);
  }
  // Hints for people: an old kernel without user attributes on cgroupfs (before 5.7) does without
  (void)setxattr(directory, PID_LABEL, pid, (size_t)length, 0);
  (void)setxattr(directory, COMMAND_LABEL, command, strlen(command), 0);
  return lock;
}

int corral_instance_make(const char *root, const char *name, const char *command,
                         struct corral_error *error) {
  char home[PATH_MAX], directory[PATH_MAX];
  if (!path_in(home, root, CORRAL_DIRECTORY) || !path_in(directory, home, name))
    return corral_fail(error, ENAMETOOLONG, "mkdir", root);
  for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (mkdir(home, 0755) < 0 && errno != EEXIST)
      return corral_fail(error, errno, "mkdir", home);
    CORRAL_OWNED_FD turn = corral_lock(home);
    if (turn < 0 && turn != -ENOENT)
      return corral_fail(error, -turn, "flock", home);
    int lock = turn < 0 ? turn : make_in_turn(directory, command, error);
    if (lock != -ENOENT)
      return lock;
  }
  return corral_fail(error, ENOENT, "mkdir", directory);
}

bool corral_instance_must_wait(const struct corral_error *error) {
  return error->number == EWOULDBLOCK && !strcmp(error->operation, "flock");
}

void corral_instance_remove_home(const char *root) {
  char home[PATH_MAX];
  if (path_in(home, root, CORRAL_DIRECTORY))
    (void)rmdir(home); // refused while an instance is in it
}

static int take_turn(const char *home) {
  const struct timespec pause = {.tv_nsec = TRY_AGAIN_NS};
  for (int64_t until = corral_now_ms() + TURN_MS;; nanosleep(&pause, NULL)) {
    int turn = corral_lock(home);
    if (turn != -EWOULDBLOCK || corral_now_ms() > until)
      return turn;
  }
}

struct dead {
  char name[NAME_MAX + 1];
  int lock;
};

// Takes the locks of dead instances and tells how many there are.
static int lock_dead(const char *home, struct dead dead[DEAD_AT_ONCE]) {
  CORRAL_OWNED_FD turn = take_turn(home);
  DIR *listing = turn < 0 ? NULL : opendir(home);
  if (!listing)
    return 0;
  int found = 0;
  for (struct dirent *entry; found < DEAD_AT_ONCE && (entry = readdir(listing));) {
    char path[PATH_MAX];
    if (entry->d_type != DT_DIR || entry->d_name[0] == '.' || !path_in(path, home, entry->d_name))
      continue;
    dead[found].lock = corral_lock(path);
    if (dead[found].lock < 0)
      continue;
    snprintf(dead[found++].name, sizeof dead->name, "%s", entry->d_name);
  }
  closedir(listing);
  return found;
}

int corral_instance_remove(const char *directory, const struct corral_end_plan *plan,
                           struct corral_error *error) {
  char sessions[PATH_MAX];
  int answer = path_in(sessions, directory, CORRAL_SESSIONS) ? corral_collect(sessions, plan, error) : 0;
  // Word of these goes with the directory
  if (answer == 0)
    answer = corral_memory_v1_remove(directory, error);
  return answer < 0 ? answer : corral_collect(directory, plan, error);
}

void corral_instance_sweep(const char *root, const struct corral_end_plan *plan) {
  static struct dead dead[DEAD_AT_ONCE]; // pages that nobody touches cost nothing
  char home[PATH_MAX], path[PATH_MAX];
  if (!path_in(home, root, CORRAL_DIRECTORY))
    return;
  int found = lock_dead(home, dead);
  for (int i = 0; i < found; i++) {
    struct corral_error error;
    if (path_in(path, home, dead[i].name))
      (void)corral_instance_remove(path, plan, &error);
    close(dead[i].lock);
  }
  if (found)
    corral_instance_remove_home(root);
}
