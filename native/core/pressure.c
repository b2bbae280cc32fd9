#define _GNU_SOURCE
#include "pressure.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "own.h"

int corral_pressure_open(const struct corral_path *group, const char *file, const char *trigger) {
  CORRAL_OWNED_FD group_fd = corral_open_path(group, O_PATH | O_DIRECTORY);
  if (group_fd < 0)
    return -errno;
  CORRAL_OWNED_FD fd = corral_open_below(group_fd, file, O_RDWR | O_NONBLOCK);
  // With the NUL, as psi.rst writes it
  if (fd < 0 || write(fd, trigger, strlen(trigger) + 1) < 0)
    return -errno;
  return corral_release_fd(&fd);
}
