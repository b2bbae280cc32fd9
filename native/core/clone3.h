// clone3(2) with a stack of the child's own. libc has no wrapper for it, and C cannot return from a system
// call on a stack that holds no frame, so each CPU has a few lines of assembly (clone3-x86_64.S,
// clone3-aarch64.S).
#ifndef CORRAL_CLONE3_H
#define CORRAL_CLONE3_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// struct clone_args up to and with `cgroup` (Linux 5.7; CLONE_ARGS_SIZE_VER2). Ours, because the libc headers
// of the oldest supported distributions end before that field.
struct corral_clone_args {
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size,
      cgroup;
};

// Returns the child's pid in the caller, or -errno. The child runs child(context) on the stack given in
// `args` and ends with what that returns.
long corral_clone3(struct corral_clone_args *args, size_t size, int (*child)(void *), void *context);

// Which refusals of clone3 mean "not on this kernel or under this seccomp filter", which can answer with any
// errno: all but those that a group or a limit has, which would refuse the other way in as well.
static inline bool corral_clone3_unavailable(long answer) {
  switch (-answer) {
  case ENOENT: // the group is gone
  case ENODEV:
  case EBADF:  // it is no group
  case EACCES: // the common ancestor is not ours to write
  case EBUSY:  // it gives controllers to its children
  case EAGAIN: // a limit on processes
  case ENOMEM:
  case EMFILE: // the pidfd
  case ENFILE:
    return false;
  default:
    return answer < 0;
  }
}

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

#endif
