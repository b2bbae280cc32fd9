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

// One step; `made` tells whether it made a directory. 0, or errno and the name of what was refused.
static int do_step(const struct corral_make_step *step, bool *made, const char **operation) {
  switch (step->kind) {
  case CORRAL_WRITE:
    *operation = "write";
    return write_value(step->path, step->value);
  case CORRAL_LABEL:
    *operation = "setxattr";
    return setxattr(step->path, step->name, step->value, strlen(step->value), 0) < 0 ? errno : 0;
  default:
    *operation = "mkdir";
    return make_directory(step, made);
  }
}

int corral_make(const struct corral_make_step *steps, size_t count, struct corral_error *error) {
  bool *made = calloc(count ? count : 1, sizeof *made);
  if (!made)
    return corral_fail(error, ENOMEM, "make cgroup", "");
  int answer = 0;
  for (size_t i = 0; i < count && !answer; i++) {
    const char *operation;
    int refused = do_step(&steps[i], &made[i], &operation);
    if (!refused)
      continue;
    answer = corral_fail(error, refused, operation, steps[i].path);
    while (i-- > 0)
      if (made[i])
        rmdir(steps[i].path);
    break;
  }
  free(made);
  return answer;
}
