#define _GNU_SOURCE
#include "populated.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "own.h"
#include "path.h"

int corral_reread_group_events(int events_fd, struct corral_group_events *events) {
  char text[256];
  ssize_t length = pread(events_fd, text, sizeof text - 1, 0);
  if (length < 0)
    return -errno;
  text[length] = '\0';
  events->populated = strstr(text, "populated 1") != NULL;
  events->frozen = strstr(text, "frozen 1") != NULL;
  return 0;
}

int corral_read_group_events(int group_fd, struct corral_group_events *events) {
  CORRAL_OWNED_FD fd = corral_open_below(group_fd, "cgroup.events", O_RDONLY);
  return fd < 0 ? -errno : corral_reread_group_events(fd, events);
}
