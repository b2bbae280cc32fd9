// Processes by pidfd: the only handle that cannot come to mean another process (pidfd_open(2)).
#ifndef CORRAL_PIDFD_H
#define CORRAL_PIDFD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct corral_exit {
  int code;   // exit status, or -1 when ended by a signal
  int signal; // the signal that ended it, or 0
};

// A close-on-exec pidfd for a process (not a thread), or -errno.
int corral_pidfd_open(pid_t pid);

// The pid of its process, as we see it; -1 when that has ended, lives where we see no pids, or cannot be
// told.
pid_t corral_pidfd_pid(int pidfd);

// 0, or -errno (ESRCH: it has ended).
int corral_pidfd_signal(int pidfd, int signal);

// Reaps a child of ours and tells how it ended. While it lives: waits, or without `block` answers -EAGAIN.
// 0, or -errno (ECHILD: not ours, or reaped already). Never waitpid(-1): the other children belong to libuv.
int corral_pidfd_wait(int pidfd, bool block, struct corral_exit *ended);

// Whether a descriptor is readable within that time: a pidfd is, once its process has ended, reaped or not.
bool corral_readable(int fd, int64_t wait_ms);

#endif
