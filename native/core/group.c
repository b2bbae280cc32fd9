#define _GNU_SOURCE
#include "group.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "own.h"

static int write_value(const char *path, const char *value) {
  CORRAL_OWNED_FD fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return errno;
  return write(fd, value, strlen(value)) < 0 ? errno : 0;
}

static int make_directory(const struct corral_make_step *step, bool *made) {
  *made = mkdir(step->path, 0755) == 0;
  return *made || (errno == EEXIST && step->kind == CORRAL_MAKE_SHARED) ? 0 : errno;
}

int corral_make(const struct corral_make_step *steps, size_t count, struct corral_error *error) {
  CORRAL_OWNED bool *made = calloc(count ? count : 1, sizeof *made);
  if (!made)
    return corral_fail(error, ENOMEM, "make cgroup", "");
  for (size_t i = 0; i < count; i++) {
    const struct corral_make_step *step = &steps[i];
    int refused = 0;
    const char *operation = "mkdir";
    if (step->kind == CORRAL_WRITE) {
      operation = "write";
      refused = write_value(step->path, step->value);
    } else if (step->kind == CORRAL_LABEL) {
      operation = "setxattr";
      if (setxattr(step->path, step->name, step->value, strlen(step->value), 0) < 0)
        refused = errno;
    } else {
      refused = make_directory(step, &made[i]);
    }
    if (!refused)
      continue;
    corral_fail(error, refused, operation, step->path);
    while (i-- > 0)
      if (made[i])
        rmdir(steps[i].path);
    return -refused;
  }
  return 0;
}
