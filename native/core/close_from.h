// Closes all descriptors from `first` up.
#ifndef CORRAL_CLOSE_FROM_H
#define CORRAL_CLOSE_FROM_H

#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define OLDEST_KERNELS_DESCRIPTORS 1024

static inline void close_from(int first) {
  if (syscall(SYS_close_range, (unsigned)first, ~0U, 0) == 0) // Linux 5.9
    return;
  for (int fd = first; fd < OLDEST_KERNELS_DESCRIPTORS; fd++)
    close(fd);
}

#endif
