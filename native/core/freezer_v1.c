#define _GNU_SOURCE
#include "freezer_v1.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "members.h"
#include "own.h"

#define FREEZER "freezer"
#define THAWED "THAWED"
#define HIERARCHIES_BYTES 16384 // a path in each of a dozen hierarchies

static bool lists(const char *words, size_t length, const char *word) {
  for (const char *end = words + length; words < end;) {
    const size_t one = strcspn(words, ",: \n");
    if (one == strlen(word) && !strncmp(words, word, one))
      return true;
    words += one + 1;
  }
  return false;
}

// The v1 cgroup of a process in the hierarchy of the freezer, cgroups(7): "7:freezer:/path". False where
// there is none.
static bool read_v1_path(const char *process, char v1_path[PATH_MAX]) {
  char file[64], text[HIERARCHIES_BYTES];
  snprintf(file, sizeof file, "/proc/%s/cgroup", process);
  CORRAL_OWNED_FD fd = open(file, O_RDONLY | O_CLOEXEC);
  const ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  text[length > 0 ? length : 0] = '\0';
  for (char *line = text, *next; line && *line; line = next) {
    if ((next = strchr(line, '\n')))
      *next++ = '\0';
    const char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;
    if (path && lists(names + 1, (size_t)(path - names) - 1, FREEZER))
      return snprintf(v1_path, PATH_MAX, "%s", path + 1) < PATH_MAX;
  }
  return false;
}

// Where that hierarchy is mounted, proc_pid_mountinfo(5), and which of its cgroups is shown there.
static bool find_mount(char point[PATH_MAX], char root[PATH_MAX]) {
  FILE *mounts = fopen("/proc/thread-self/mountinfo", "re");
  char *line = NULL;
  size_t size = 0;
  bool found = false;
  while (mounts && !found && getline(&line, &size, mounts) > 0) {
    char *kind = strstr(line, " - cgroup ");
    const char *options = kind ? strrchr(kind, ' ') + 1 : NULL;
    if (!options || !lists(options, strlen(options), FREEZER))
      continue;
    char *at = line;
    for (int field = 0; field < 3; field++)
      (void)strsep(&at, " ");
    const char *shown = strsep(&at, " "), *where = strsep(&at, " ");
    found = where && snprintf(root, PATH_MAX, "%s", strcmp(shown, "/") ? shown : "") < PATH_MAX &&
            snprintf(point, PATH_MAX, "%s", where) < PATH_MAX;
  }
  free(line);
  if (mounts)
    fclose(mounts);
  return found;
}

static int open_in(const char *point, const char *root, const char *v1_path, const char *file, int flags) {
  char path[3 * PATH_MAX];
  const size_t length = strlen(root);
  if (strncmp(v1_path, root, length) != 0)
    return -1;
  snprintf(path, sizeof path, "%s%s/%s", point, v1_path + length, file);
  return open(path, flags | O_CLOEXEC);
}

static bool write_in(const char *point, const char *root, const char *v1_path, const char *file,
                     const char *text) {
  CORRAL_OWNED_FD fd = open_in(point, root, v1_path, file, O_WRONLY);
  return fd >= 0 && write(fd, text, strlen(text)) > 0;
}

static bool is_thawed(const char *point, const char *root, const char *v1_path) {
  char state[16] = "";
  CORRAL_OWNED_FD fd = open_in(point, root, v1_path, "freezer.state", O_RDONLY);
  return fd < 0 || read(fd, state, sizeof state - 1) <= 0 || !strncmp(state, THAWED, strlen(THAWED));
}

void corral_thaw_v1(pid_t pid) {
  char process[16], own[PATH_MAX], v1_path[PATH_MAX], point[PATH_MAX], root[PATH_MAX];
  snprintf(process, sizeof process, "%d", pid);
  // We run, so what is where we are is not frozen
  if (!read_v1_path("self", own) || !read_v1_path(process, v1_path) || !strcmp(own, v1_path) ||
      !find_mount(point, root) || is_thawed(point, root, v1_path))
    return;
  if (!write_in(point, root, own, "cgroup.procs", process))
    (void)write_in(point, root, v1_path, "freezer.state", THAWED);
}

void corral_thaw_v1_members(int group_fd) {
  struct corral_members members = {0};
  (void)corral_members_append(group_fd, &members);
  for (size_t i = 0; i < members.count; i++)
    corral_thaw_v1(members.pids[i]);
  corral_members_free(&members);
}
