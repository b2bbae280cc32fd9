// What this kernel, behind the seccomp filter that we are under, lets a process do. Asking makes nothing.
#ifndef CORRAL_FEATURES_H
#define CORRAL_FEATURES_H

#include <stdbool.h>

struct corral_features {
  bool clone_into_cgroup; // clone3 into a cgroup (Linux 5.7)
  bool clones_died;       // what was cloned into one died unborn, as our own was killed once (unborn.h)
  bool pidfd;             // pidfd_open (Linux 5.3)
  bool children;          // /proc lists the children of a thread (CONFIG_PROC_CHILDREN)
};

struct corral_features corral_features_seen(void);

#endif
