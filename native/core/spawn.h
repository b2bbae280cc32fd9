// Starts a program inside a cgroup: it is created there (CLONE_INTO_CGROUP) and is never anywhere else.
#ifndef CORRAL_SPAWN_H
#define CORRAL_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"

enum corral_stdio_kind {
  CORRAL_STDIO_IGNORE,   // /dev/null
  CORRAL_STDIO_FD,       // a descriptor of the caller's
  CORRAL_STDIO_SOCKET,   // a UNIX socket pair, as child_process makes for 'pipe'
  CORRAL_STDIO_PIPE_IN,  // pipe(2) that the child reads
  CORRAL_STDIO_PIPE_OUT, // pipe(2) that the child writes
};

struct corral_stdio {
  enum corral_stdio_kind kind;
  int fd; // for CORRAL_STDIO_FD
};

struct corral_spawn_plan {
  const char *command;      // as the caller named it; for errors
  const char **candidates;  // the files to try, in order (the PATH already applied); NULL-terminated
  char **argv, **envp;      // NULL-terminated
  char **shell_argv;        // room for argv's length + 3 pointers: argv for /bin/sh when exec says ENOEXEC
  const char *cwd;          // NULL: the caller's
  const char *group;        // directory of the cgroup; NULL: the caller's cgroup
  int group_fd;             // the same, held open; -1: it is not
  const char *memory_group; // directory of the v1 memory cgroup to enter before exec; NULL: the caller's
  struct corral_stdio *stdio;
  size_t stdio_count; // the child's descriptors 0 … stdio_count-1; all others are closed on exec
  bool detached;      // setsid()
  bool set_uid, set_gid;
  uid_t uid;
  gid_t gid;
  int scheduler;  // sched_setscheduler(2) policy for the child, or -1: the caller's
  bool no_clone3; // go the way of kernels and seccomp filters that refuse clone3
};

struct corral_spawned {
  pid_t pid;
  int pidfd;
  bool created_in_place; // false: the child moved itself into the group before exec (no CLONE_INTO_CGROUP
                         // here)
};

// Starts plan->command and returns once it was exec'ed. `parent_fds` takes plan->stdio_count descriptors: the
// caller's end of each socket pair or pipe, -1 elsewhere. On failure: -errno and `error`, and nothing is
// left: no process, no zombie, no descriptor. Blocks its thread until the exec is done; never call it on an
// event loop's thread. Safe against threads: allocates nothing between clone and exec.
int corral_spawn(const struct corral_spawn_plan *plan, struct corral_spawned *spawned, int *parent_fds,
                 struct corral_error *error);

// Gives a descriptor that is held for long a number out of the way of others. It keeps its own where that is
// refused (RLIMIT_NOFILE).
int corral_put_away(int fd);

// Makes both ends of a descriptor: the child's and the caller's (which is left as it is where there is none).
// `ours`: the child's end was made here, and is to be closed. 0, or -errno.
int corral_stdio_make(const struct corral_stdio *stdio, int *child_fd, int *parent_fd, bool *ours);

#endif
