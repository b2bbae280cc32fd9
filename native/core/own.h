// Descriptors that close themselves when their scope ends, so that no error path can leak a descriptor.
#ifndef CORRAL_OWN_H
#define CORRAL_OWN_H

#include <unistd.h>

static inline void corral_close_fd(const int *fd) {
  if (*fd >= 0)
    close(*fd);
}

// Closes it before its scope ends.
static inline void corral_drop_fd(int *fd) {
  corral_close_fd(fd);
  *fd = -1;
}

// Takes it out of its scope.
static inline int corral_release_fd(int *fd) {
  int released = *fd;
  *fd = -1;
  return released;
}

#define CORRAL_OWNED_FD __attribute__((cleanup(corral_close_fd))) int

#endif
