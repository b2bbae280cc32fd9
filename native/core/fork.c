#define _GNU_SOURCE
#include "fork.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clone3.h"
#include "own.h"

// In place of a pid: none of the errors that clone3 has.
#define CLONED_UNBORN (-ECANCELED)

// clone3 without a stack is a fork. libc's own bookkeeping of it (atfork handlers, the cached thread id) is
// for programs that use these. The child says that it lives: one that the kernel kills unborn (unborn.h) says
// nothing, and the pipe ends.
static pid_t create_in_place(int group_fd) {
  struct corral_clone_args args = {
      .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)group_fd};
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0)
    return -errno;
  CORRAL_OWNED_FD hears = ends[0], says = ends[1];
  long pid = syscall(SYS_clone3, &args, sizeof args);
  if (pid < 0)
    return -errno;
  char word = 0;
  if (pid == 0) {
    (void)!write(says, &word, 1);
    return 0;
  }
  corral_drop_fd(&says);
  if (read(hears, &word, 1) == 1)
    return (pid_t)pid;
  waitpid((pid_t)pid, NULL, 0);
  return CLONED_UNBORN;
}

static int move_into(int group_fd, pid_t pid) {
  char text[16];
  int length = snprintf(text, sizeof text, "%d", pid);
  CORRAL_OWNED_FD procs = openat(group_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
  return procs < 0 || write(procs, text, (size_t)length) < 0 ? -errno : 0;
}

// The child waits for the word that it was moved, or for the pipe's end.
static pid_t move_before_it_goes_on(int group_fd) {
  int gate[2];
  if (pipe2(gate, O_CLOEXEC) < 0)
    return -errno;
  CORRAL_OWNED_FD waits = gate[0], opens = gate[1];
  pid_t pid = fork();
  if (pid < 0)
    return -errno;
  char moved;
  if (pid == 0) {
    corral_drop_fd(&opens);
    if (read(waits, &moved, 1) != 1)
      _exit(1);
    return 0;
  }
  int answer = move_into(group_fd, pid);
  if (answer == 0 && write(opens, "", 1) == 1)
    return pid;
  corral_drop_fd(&opens);
  waitpid(pid, NULL, 0);
  return answer < 0 ? answer : -EIO;
}

pid_t corral_fork_into(int group_fd, bool no_clone3) {
  pid_t pid = no_clone3 ? -ENOSYS : create_in_place(group_fd);
  bool other_way = pid == CLONED_UNBORN || (pid < 0 && corral_clone3_unavailable(pid));
  return other_way ? move_before_it_goes_on(group_fd) : pid;
}
