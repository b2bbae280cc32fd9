#define _GNU_SOURCE
#include "group.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "instance.h"
#include "own.h"
#include "tree.h"

// Whether the kernel holds what it was asked to hold, or a lower number.
static bool holds(const char *asked, const char *held) {
  char *end;
  if (*asked == '+') // cgroup.subtree_control lists what is on
    return true;
  unsigned long long limit = strtoull(asked, &end, 10);
  if (end == asked ||
      *end != '\0') { // two numbers (cpu.max), or a word (io.weight): the first line is the same
    size_t length = strlen(asked);
    return strncmp(held, asked, length) == 0 && (held[length] == '\n' || held[length] == '\0');
  }
  unsigned long long value = strtoull(held, &end, 10);
  return end != held && value <= limit;
}

// The directory that the last step was in: the next one is mostly in the same.
struct making {
  const struct corral_base *base;
  const char *path;
  size_t length;
  int fd;
};

static int enter(struct making *making, const char *path, size_t length) {
  if (making->fd >= 0 && length == making->length && !memcmp(path, making->path, length))
    return making->fd;
  corral_drop_fd(&making->fd);
  char *directory = strndup(path, length);
  if (!directory)
    return errno = ENOMEM, -1;
  const struct corral_path group = corral_path_of(making->base, directory);
  making->fd = corral_open_path(&group, O_RDONLY | O_DIRECTORY);
  making->path = path;
  making->length = length;
  free(directory);
  return making->fd;
}

// Enters the directory of a path, and gives its last name; NULL, with errno, where that fails.
static const char *enter_parent(struct making *making, const char *path) {
  const char *slash = strrchr(path, '/');
  if (!slash)
    return errno = EINVAL, NULL;
  return enter(making, path, slash == path ? 1 : (size_t)(slash - path)) < 0 ? NULL : slash + 1;
}

static int write_value(struct making *making, const char *path, const char *value) {
  const char *name = enter_parent(making, path);
  CORRAL_OWNED_FD fd = name ? corral_open_below(making->fd, name, O_RDWR) : -1;
  if (fd < 0)
    return errno;
  if (write(fd, value, strlen(value)) < 0)
    return errno;
  char held[64];
  ssize_t length = pread(fd, held, sizeof held - 1, 0);
  if (length < 0)
    return errno;
  held[length] = '\0';
  return holds(value, held) ? 0 : ERANGE;
}

static int make_directory(struct making *making, struct corral_make_step *step) {
  const char *name = enter_parent(making, step->path);
  step->made = name && mkdirat(making->fd, name, CORRAL_DIRECTORY_MODE) == 0;
  return step->made || (name && errno == EEXIST && step->kind == CORRAL_MAKE_SHARED) ? 0 : errno;
}

static int set_label(struct making *making, const struct corral_make_step *step) {
  if (enter(making, step->path, strlen(step->path)) < 0)
    return errno;
  return fsetxattr(making->fd, step->name, step->value, strlen(step->value), 0) < 0 ? errno : 0;
}

// One step. 0, or errno and the name of what was refused.
static int do_step(struct making *making, struct corral_make_step *step, const char **operation) {
  switch (step->kind) {
  case CORRAL_WRITE:
    *operation = "write";
    return write_value(making, step->path, step->value);
  case CORRAL_TRY_WRITE: {
    *operation = "write";
    int refused = write_value(making, step->path, step->value);
    step->left_out = refused == ENOENT;
    return step->left_out ? 0 : refused;
  }
  case CORRAL_LABEL:
    *operation = "setxattr";
    return set_label(making, step);
  default:
    *operation = "mkdir";
    return make_directory(making, step);
  }
}

int corral_make(const struct corral_base *base, struct corral_make_step *steps, size_t count,
                struct corral_error *error) {
  struct making making = {.base = base, .fd = -1};
  int refused = 0;
  for (size_t i = 0; i < count && !refused; i++) {
    const char *operation = "mkdir";
    // What has no path that can be opened cannot be shown, set or ended by others
    refused = strlen(steps[i].path) < PATH_MAX ? do_step(&making, &steps[i], &operation) : ENAMETOOLONG;
    if (refused) {
      corral_fail(error, refused, operation, steps[i].path);
      corral_unmake(base, steps, i);
    }
  }
  corral_close_fd(&making.fd);
  return -refused;
}

void corral_unmake(const struct corral_base *base, const struct corral_make_step *steps, size_t count) {
  while (count-- > 0) {
    if (!steps[count].made)
      continue;
    const struct corral_path path = corral_path_of(base, steps[count].path);
    (void)corral_remove_top(&path);
  }
}
