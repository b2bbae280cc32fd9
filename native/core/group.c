#define _GNU_SOURCE
#include "group.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "instance.h"
#include "own.h"

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

static int write_value(const char *path, const char *value) {
  CORRAL_OWNED_FD fd = open(path, O_RDWR | O_CLOEXEC);
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

static int make_directory(struct corral_make_step *step) {
  step->made = mkdir(step->path, CORRAL_DIRECTORY_MODE) == 0;
  return step->made || (errno == EEXIST && step->kind == CORRAL_MAKE_SHARED) ? 0 : errno;
}

// One step. 0, or errno and the name of what was refused.
static int do_step(struct corral_make_step *step, const char **operation) {
  switch (step->kind) {
  case CORRAL_WRITE:
    *operation = "write";
    return write_value(step->path, step->value);
  case CORRAL_TRY_WRITE: {
    *operation = "write";
    int refused = write_value(step->path, step->value);
    return refused == ENOENT ? 0 : refused;
  }
  case CORRAL_LABEL:
    *operation = "setxattr";
    return setxattr(step->path, step->name, step->value, strlen(step->value), 0) < 0 ? errno : 0;
  default:
    *operation = "mkdir";
    return make_directory(step);
  }
}

int corral_make(struct corral_make_step *steps, size_t count, struct corral_error *error) {
  for (size_t i = 0; i < count; i++) {
    const char *operation;
    int refused = do_step(&steps[i], &operation);
    if (!refused)
      continue;
    corral_fail(error, refused, operation, steps[i].path);
    corral_unmake(steps, i);
    return -refused;
  }
  return 0;
}

void corral_unmake(const struct corral_make_step *steps, size_t count) {
  while (count-- > 0)
    if (steps[count].made)
      rmdir(steps[count].path);
}
