// Descriptors that close themselves when their scope ends, so that no error path can leak a descriptor.
#ifndef CORRAL_OWN_H
#define CORRAL_OWN_H

#include <unistd.h>

static inline void corral_close_fd(const int *fd) {
  if (*fd >= 0)
    close(*fd);
}

#define CORRAL_OWNED_FD __attribute__((cleanup(corral_close_fd))) int

#endif
