/* The cgroup2 directory in which the payload finds itself, and writing to the files below it. */
#ifndef OWN_GROUP_H
#define OWN_GROUP_H

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "leader.h"

/* Where cgroup2 is mounted, and which part of the hierarchy is mounted there ("/" but for bind mounts). */
static inline void find_cgroup2(char mount_point[PATH_MAX], char mount_root[PATH_MAX]) {
  FILE *mounts = fopen("/proc/self/mountinfo", "re");
  if (!mounts)
    fail("/proc/self/mountinfo");
  char line[4 * PATH_MAX];
  while (fgets(line, sizeof line, mounts)) {
    if (!strstr(line, " - cgroup2 "))
      continue;
    if (sscanf(line, "%*d %*d %*s %4095s %4095s", mount_root, mount_point) != 2)
      continue;
    fclose(mounts);
    return;
  }
  errno = ENOENT;
  fail("no cgroup2 mount");
}

static inline void own_group(char path[PATH_MAX]) {
  char mount_point[PATH_MAX], mount_root[PATH_MAX], line[PATH_MAX], *within = NULL;
  find_cgroup2(mount_point, mount_root);
  FILE *groups = fopen("/proc/self/cgroup", "re");
  if (!groups)
    fail("/proc/self/cgroup");
  while (!within && fgets(line, sizeof line, groups))
    if (strncmp(line, "0::", 3) == 0)
      within = line + 3;
  fclose(groups);
  if (!within)
    fail("no cgroup2 line in /proc/self/cgroup");
  within[strcspn(within, "\n")] = '\0';
  size_t root_length = strcmp(mount_root, "/") == 0 ? 0 : strlen(mount_root);
  if (strncmp(within, mount_root, root_length) == 0)
    within += root_length;
  if (snprintf(path, PATH_MAX, "%s%s", mount_point, within) >= PATH_MAX)
    fail("own group: path");
}

__attribute__((format(printf, 2, 3))) static inline void join_path(char out[PATH_MAX], const char *format,
                                                                   ...) {
  va_list parts;
  va_start(parts, format);
  int length = vsnprintf(out, PATH_MAX, format, parts);
  va_end(parts);
  if (length < 0 || length >= PATH_MAX) {
    errno = ENAMETOOLONG;
    fail("path");
  }
}

static inline void write_group_file(const char *group, const char *file, const char *text) {
  char path[PATH_MAX];
  join_path(path, "%s/%s", group, file);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
    fail(path);
  close(fd);
}

static inline void make_group(const char *group) {
  if (mkdir(group, 0755) != 0)
    fail(group);
}

/* "0" is whoever writes: no pid of another namespace can be meant. */
static inline void enter_group(const char *group) {
  write_group_file(group, "cgroup.procs", "0");
}

static inline void await_frozen(const char *group) {
  char path[PATH_MAX], events[256];
  join_path(path, "%s/cgroup.events", group);
  for (int tries = 0; tries < 5000; tries++) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
      fail(path);
    ssize_t got = read(fd, events, sizeof events - 1);
    close(fd);
    if (got < 0)
      fail(path);
    events[got] = '\0';
    if (strstr(events, "frozen 1"))
      return;
    usleep(1000);
  }
  errno = ETIMEDOUT;
  fail("the group does not freeze");
}

#endif
