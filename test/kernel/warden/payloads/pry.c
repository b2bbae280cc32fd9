// Tries, on each process that is named, what a process of the same user can do to another: to trace it, to
// read its memory, to take its descriptors, to see what it has open. Prints a line for each: PID, and for
// each try the errno's name, or 0. As a control it first tries all that on a child of its own, which it calls
// 0.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

static int opened(pid_t pid, const char *file, int flags) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
  int fd = open(path, flags);
  if (fd < 0)
    return errno;
  close(fd);
  return 0;
}

static int linked(pid_t pid, const char *file) {
  char path[64], target[4096];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
  return readlink(path, target, sizeof target) < 0 ? errno : 0;
}

static int traced(pid_t pid) {
  if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
    return errno;
  ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
  waitpid(pid, NULL, __WALL);
  ptrace(PTRACE_DETACH, pid, NULL, NULL);
  return 0;
}

// The address is nobody's: who may look gets EFAULT.
static int memory_read(pid_t pid) {
  char byte;
  struct iovec here = {&byte, 1}, there = {(void *)8, 1};
  if (process_vm_readv(pid, &here, 1, &there, 1, 0) < 0 && errno != EFAULT)
    return errno;
  return 0;
}

static int descriptor_taken(pid_t pid) {
  int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  int fd = (int)syscall(SYS_pidfd_getfd, pidfd, 0, 0);
  int answer = fd < 0 ? errno : 0;
  close(fd);
  close(pidfd);
  return answer;
}

static void pry(pid_t pid, pid_t called) {
  printf("%d ptrace=%s memory=%s mem=%s descriptor=%s exe=%s cwd=%s fd=%s environ=%s\n", called,
         strerrorname_np(traced(pid)), strerrorname_np(memory_read(pid)),
         strerrorname_np(opened(pid, "mem", O_RDWR)), strerrorname_np(descriptor_taken(pid)),
         strerrorname_np(linked(pid, "exe")), strerrorname_np(linked(pid, "cwd")),
         strerrorname_np(opened(pid, "fd", O_RDONLY | O_DIRECTORY)),
         strerrorname_np(opened(pid, "environ", O_RDONLY)));
}

int main(int count, char **words) {
  pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  pry(child, 0);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  for (int i = 1; i < count; i++)
    pry(atoi(words[i]), atoi(words[i]));
}
