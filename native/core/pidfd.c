#define _GNU_SOURCE
#include "pidfd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "own.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#define WAIT_BY_PIDFD 3 // P_PIDFD, Linux 5.4

int corral_pidfd_open(pid_t pid) {
  int fd = (int)syscall(SYS_pidfd_open, pid, 0);
  return fd < 0 ? -errno : fd;
}

pid_t corral_pidfd_pid(int pidfd) {
  char path[48], text[512];
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
  CORRAL_OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (length <= 0)
    return -1;
  text[length] = '\0';
  const char *line = strstr(text, "\nPid:\t");
  const long pid = line ? strtol(line + strlen("\nPid:\t"), NULL, 10) : -1;
  return pid > 0 ? (pid_t)pid : -1;
}

int corral_pidfd_signal(int pidfd, int signal) {
  return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int corral_pidfd_wait(int pidfd, bool block, struct corral_exit *ended) {
  siginfo_t info = {0};
  while (waitid((idtype_t)WAIT_BY_PIDFD, (id_t)pidfd, &info, WEXITED | (block ? 0 : WNOHANG)) < 0)
    if (errno != EINTR)
      return -errno;
  if (info.si_pid == 0)
    return -EAGAIN;
  ended->code = info.si_code == CLD_EXITED ? info.si_status : -1;
  ended->signal = info.si_code == CLD_EXITED ? 0 : info.si_status;
  return 0;
}

bool corral_readable(int fd, int64_t wait_ms) {
  struct pollfd look = {.fd = fd, .events = POLLIN};
  int ready;
  while ((ready = poll(&look, 1, (int)wait_ms)) < 0 && errno == EINTR)
    ;
  return ready > 0;
}
