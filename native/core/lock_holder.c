#define _GNU_SOURCE
#include "lock_holder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "own.h"
#include "own_proc.h"
#include "peer.h"
#include "pidfd.h"

// ---- one process ----

struct identity {
  uid_t real, effective;
  pid_t inner; // its pid in its own pid namespace, which is what it wrote down
};

// proc_pid_status(5). False where it is hidden from us, or gone.
static bool read_identity(pid_t pid, struct identity *identity) {
  char path[32], text[4096];
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  CORRAL_OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (length <= 0)
    return false;
  text[length] = '\0';
  const char *uids = strstr(text, "\nUid:"), *pids = strstr(text, "\nNSpid:");
  if (!uids)
    return false;
  char *at = (char *)uids + strlen("\nUid:");
  identity->real = (uid_t)strtoul(at, &at, 10);
  identity->effective = (uid_t)strtoul(at, &at, 10);
  identity->inner = pid;
  if (!pids)
    return true;
  char *line = strndup(pids + 1, strcspn(pids + 1, "\n"));
  const char *last = line ? strrchr(line, '\t') : NULL;
  if (last)
    identity->inner = (pid_t)strtol(last, NULL, 10);
  free(line);
  return true;
}

// Whether one of its descriptors is the directory: a pid can have come to mean another process since the lock
// was taken. True also where we may not look.
static bool has_open(pid_t pid, const struct stat *directory) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/fd", pid);
  DIR *descriptors = opendir(path);
  if (!descriptors)
    return true;
  bool found = false;
  struct stat file;
  for (const struct dirent *entry; !found && (entry = readdir(descriptors));)
    found = fstatat(dirfd(descriptors), entry->d_name, &file, 0) == 0 && file.st_ino == directory->st_ino &&
            file.st_dev == directory->st_dev;
  closedir(descriptors);
  return found;
}

static bool is_owners(uid_t uid, int pidfd, const struct stat *directory) {
  if (corral_uid_says_nothing(uid))
    return corral_may_signal(pidfd);
  return uid == directory->st_uid || uid == 0;
}

// By the real uid: a program that is setuid root inherits the lock of the process that executes it.
static bool is_owner(pid_t pid, int pidfd, const struct stat *directory, pid_t owner_pid) {
  struct identity identity;
  if (!read_identity(pid,
                     &identity)) // hidden (hidepid of proc(5)): nobody of ours, unless it is not dumpable
    return corral_may_signal(pidfd);
  const bool is_named = identity.inner == owner_pid;
  if (is_owners(identity.real, pidfd, directory))
    return is_named || has_open(pid, directory);
  return is_named && is_owners(identity.effective, pidfd, directory);
}

// Who took a lock and has ended since was not the owner, or the owner is dead: a copy of its descriptor has
// no say.
static enum corral_lock_holder judge(pid_t pid, bool shared, const struct stat *directory, pid_t owner_pid) {
  CORRAL_OWNED_FD pidfd = corral_pidfd_open(pid);
  if (pidfd == -ESRCH || (pidfd >= 0 && corral_readable(pidfd, 0)))
    return CORRAL_HELD_BY_STRANGERS;
  if (pidfd < 0)
    return CORRAL_HELD_BY_UNKNOWN;
  if (!is_owner(pid, pidfd, directory, owner_pid))
    return CORRAL_HELD_BY_STRANGERS;
  return shared ? CORRAL_HELD_BY_COLLECTOR : CORRAL_HELD_BY_OWNER;
}

// ---- all locks ----

// A line of /proc/locks (proc_locks(5)): "1: FLOCK  ADVISORY  WRITE 4711 00:1b:5678 0 EOF", with "->" before
// FLOCK for who waits. The pid is that of who took the lock; 0 where it is not a lock of this directory.
static pid_t holder_in(char *line, const struct stat *directory, bool *shared) {
  char *rest, *words[5]; // the number of the line, FLOCK, ADVISORY, READ or WRITE, and the pid
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (!(words[i] = strtok_r(i ? NULL : line, " ", &rest)))
      return 0;
  char *at = words[4];
  if (strcmp(words[1], "FLOCK") != 0)
    return 0;
  *shared = !strcmp(words[3], "READ");
  const pid_t pid = (pid_t)strtol(at, NULL, 10);
  at = rest;
  const unsigned long device_major = strtoul(at, &at, 16);
  const unsigned long device_minor = *at == ':' ? strtoul(at + 1, &at, 16) : 0;
  const unsigned long inode = *at == ':' ? strtoul(at + 1, &at, 10) : 0;
  const bool same = inode == directory->st_ino && device_major == major(directory->st_dev) &&
                    device_minor == minor(directory->st_dev);
  return same ? pid : 0;
}

enum corral_lock_holder corral_lock_holder(int directory_fd, pid_t owner_pid) {
  struct stat directory;
  FILE *locks = corral_proc_is_own() ? fopen("/proc/locks", "re") : NULL; // else the pids are others'
  if (!locks)
    return CORRAL_HELD_BY_UNKNOWN;
  enum corral_lock_holder found = CORRAL_HELD_BY_UNKNOWN;
  char line[256];
  bool readable = fstat(directory_fd, &directory) == 0;
  while (readable && found != CORRAL_HELD_BY_OWNER && fgets(line, sizeof line, locks)) {
    bool shared;
    pid_t pid = holder_in(line, &directory, &shared);
    if (pid == 0)
      continue;
    const enum corral_lock_holder one = judge(pid, shared, &directory, owner_pid);
    if (found != CORRAL_HELD_BY_COLLECTOR) // strangers may share it too
      found = one;
    readable = found != CORRAL_HELD_BY_UNKNOWN;
  }
  (void)fclose(locks);
  return found;
}
