// Starts a program inside a cgroup: it is created there (CLONE_INTO_CGROUP) and is never anywhere else.
#ifndef CORRAL_SPAWN_H
#define CORRAL_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "attributes.h"
#include "credentials.h"
#include "error.h"
#include "schedule.h"

enum corral_stdio_kind {
  CORRAL_STDIO_NONE,     // closed
  CORRAL_STDIO_IGNORE,   // /dev/null
  CORRAL_STDIO_FD,       // a descriptor of the caller's
  CORRAL_STDIO_SOCKET,   // a UNIX socket pair, as child_process makes for 'pipe'
  CORRAL_STDIO_PIPE_IN,  // pipe(2) that the child reads
  CORRAL_STDIO_PIPE_OUT, // pipe(2) that the child writes
};

// The variables LISTEN_PID and WATCHDOG_PID
#define CORRAL_OWN_PIDS 2

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
  bool login_mark;    // the group's mark is borne as a login uid, too (mark.h)
  bool set_uid, set_gid;
  uid_t uid;
  gid_t gid;
  uint64_t ignored,
      blocked;   // signals that it begins with so: bit N - 1 is signal N; all others are as for a new program
  bool as_given; // with what `corral run` was given: its stdio may not wait
  // Digits in envp that are to be its own pid (sd_listen_fds(3), sd_watchdog_enabled(3)), with room for them;
  // NULL: none
  char *own_pid[CORRAL_OWN_PIDS];
  // Of the thread and the process that ask; not given: those of the one that starts it
  struct corral_schedule schedule;
  struct corral_attributes attributes;
  struct corral_credentials credentials;
  bool no_clone3; // go the way of kernels and seccomp filters that refuse clone3
};

struct corral_spawned {
  pid_t pid;
  int pidfd;
  bool created_in_place; // false: the child moved itself into the group before exec (no CLONE_INTO_CGROUP
                         // here)
};

// What a child says on its way to exec.
struct corral_outcome {
  bool running;          // its first instruction was reached
  int number;            // errno of the step that failed; 0: none has
  const char *operation; // that step, or the one that it is at
  const char *path;      // what that is done on, which is the plan's; or NULL
  bool unwanted;         // said to the child: it was cancelled before there was one to be killed
};

// A spawn that is under way, for another thread to look at. All zero but `pidfd`, -1, before it begins.
struct corral_under_way {
  volatile struct corral_outcome outcome;
  volatile int pidfd; // of the child; -1: there is none (yet, any more)
  int lock;
};

// Starts plan->command and returns once it was exec'ed. `parent_fds` takes plan->stdio_count descriptors: the
// caller's end of each socket pair or pipe, -1 elsewhere. On failure: -errno and `error`, and nothing is
// left: no process, no zombie, no descriptor. Safe against threads: allocates nothing between clone and exec.
// Blocks its thread until the exec is done, which may never be: where the directory or the program are on a
// file system that does not answer, the child sleeps in a way that no signal ends, and the thread with it
// (but not past the end of its own process). So it is for a thread that nobody waits for.
int corral_spawn(const struct corral_spawn_plan *plan, struct corral_under_way *under_way,
                 struct corral_spawned *spawned, int *parent_fds, struct corral_error *error);

// Any thread, while that has not returned. Kills the child, if there is one, and fills `error` with `number`
// and what the child was at. The spawn then returns: with a process that was killed, or an error; or, where
// the child cannot be killed, when that is over.
void corral_spawn_kill(struct corral_under_way *under_way, int number, struct corral_error *error);

// Gives a descriptor that is held for long a number out of the way of others. It keeps its own where that is
// refused (RLIMIT_NOFILE).
int corral_put_away(int fd);

// Makes both ends of a descriptor: the child's and the caller's (which is left as it is where there is none).
// `ours`: the child's end was made here, and is to be closed. 0, or -errno.
int corral_stdio_make(const struct corral_stdio *stdio, int *child_fd, int *parent_fd, bool *ours);

#endif
