#define _GNU_SOURCE
#include "memory_v1.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "language.h"
#include "own.h"
#include "tree.h"

#define CGROUP_V1_MAGIC 0x27e0eb // CGROUP_SUPER_MAGIC of linux/magic.h
#define OOM_CONTROL "memory.oom_control"
#define KILLS "oom_kill "

static int open_file(const char *group, const char *file, int flags) {
  CORRAL_OWNED_FD group_fd = open(group, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (group_fd < 0)
    return -errno;
  int fd = openat(group_fd, file, flags | O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

int corral_memory_v1_watch(const char *group) {
  CORRAL_OWNED_FD oom_control = open_file(group, OOM_CONTROL, O_RDONLY);
  CORRAL_OWNED_FD control = open_file(group, "cgroup.event_control", O_WRONLY);
  if (oom_control < 0 || control < 0)
    return oom_control < 0 ? oom_control : control;
  CORRAL_OWNED_FD event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  char text[32];
  int length = snprintf(text, sizeof text, "%d %d", event, oom_control);
  if (event < 0 || write(control, text, (size_t)length) < 0)
    return -errno;
  return corral_release_fd(&event);
}

int64_t corral_memory_v1_kills(const char *group) {
  CORRAL_OWNED_FD fd = open_file(group, OOM_CONTROL, O_RDONLY);
  if (fd < 0)
    return fd;
  char text[256];
  ssize_t length = read(fd, text, sizeof text - 1);
  if (length < 0)
    return -errno;
  text[length] = '\0';
  const char *kills = strstr(text, KILLS); // Linux 4.13
  return kills ? strtoll(kills + strlen(KILLS), NULL, 10) : 0;
}

// Of getxattr(2): there is no label, file systems cannot have any here, or there is no instance.
static bool has_none(int number) {
  return number == ENODATA || number == EOPNOTSUPP || number == ENOENT || number == ENODEV;
}

static bool is_path_of(const char *v1_path, const char *instance) {
  const char *name = strrchr(instance, '/'), *last = strrchr(v1_path, '/');
  char expected[NAME_MAX + 1];
  return name && last && snprintf(expected, sizeof expected, "/corral-%s", name + 1) < NAME_MAX &&
         !strcmp(last, expected);
}

// Whether what is open is a v1 cgroup of the instance's owner: 1, 0, or -errno. Who owns an instance writes
// its label, and could lead others by that: so a link on the way, or what belongs to another user, is not
// believed.
static int is_believed(int directory_fd, int instance) {
  struct statfs file_system;
  struct stat directory, owner;
  if (fstatfs(directory_fd, &file_system) != 0 || fstat(directory_fd, &directory) != 0 ||
      fstat(instance, &owner) != 0)
    return -errno;
  return (unsigned long)file_system.f_type == CGROUP_V1_MAGIC && directory.st_uid == owner.st_uid;
}

// Whether nothing can be at a path, as against a call that failed because something ran out: then word of
// what is there must not be lost.
static bool is_nowhere(int number) {
  return number == ENOENT || number == ENODEV || number == ENOTDIR || number == ELOOP ||
         number == ENAMETOOLONG;
}

int corral_memory_v1_path(int instance, const char *path, char v1_path[PATH_MAX]) {
  char resolved[PATH_MAX];
  ssize_t length = fgetxattr(instance, CORRAL_MEMORY_LABEL, v1_path, PATH_MAX - 1);
  if (length < 0)
    return has_none(errno) ? -ENOENT : -errno;
  v1_path[length] = '\0';
  if (!is_path_of(v1_path, path))
    return -ENOENT;
  if (!realpath(v1_path, resolved))
    return is_nowhere(errno) ? -ENOENT : -errno;
  if (strcmp(resolved, v1_path) != 0)
    return -ENOENT;
  CORRAL_OWNED_FD fd = open(v1_path, CORRAL_OPEN_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return is_nowhere(errno) ? -ENOENT : -errno;
  int believed = is_believed(fd, instance);
  return believed > 0 ? corral_release_fd(&fd) : believed == 0 ? -ENOENT : believed;
}

int corral_memory_v1_remove(int instance, const char *path, struct corral_error *error) {
  char v1_path[PATH_MAX];
  CORRAL_OWNED_FD fd = corral_memory_v1_path(instance, path, v1_path);
  if (fd < 0)
    return fd == -ENOENT ? 0 : corral_fail(error, -fd, "find the v1 memory cgroup of", path);
  const struct corral_path directory = {.at = AT_FDCWD, .below = v1_path, .fd = fd, .path = v1_path};
  return corral_remove_tree(&directory, error);
}
