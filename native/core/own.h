// Variables that free themselves when their scope ends, so that no error path can leak a descriptor.
#ifndef CORRAL_OWN_H
#define CORRAL_OWN_H

#include <stdlib.h>
#include <unistd.h>

static inline void corral_close_fd(const int *fd) {
  if (*fd >= 0)
    close(*fd);
}

static inline void corral_free_pointer(void *pointer) {
  free(*(void **)pointer);
}

#define CORRAL_OWNED_FD __attribute__((cleanup(corral_close_fd))) int
#define CORRAL_OWNED __attribute__((cleanup(corral_free_pointer)))

#endif
