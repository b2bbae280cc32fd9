/*
 * clone3-floor: the least that any program can do to start another one inside a cgroup.
 *
 *   clone3-floor CGROUP ITERATIONS PRINT-CLOCK          into CGROUP itself
 *   clone3-floor --fresh CGROUP ITERATIONS PRINT-CLOCK  into CGROUP/fresh, made anew each time and timed
 *
 * Prints one number a line: microseconds from before the call to main() of PRINT-CLOCK.
 * The child does nothing but execve: standard output already is the pipe that the clock is read from.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3 /* glibc 2.36 is the first to name it */
#endif

static void die(const char *what) {
  fprintf(stderr, "clone3-floor: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int64_t clock_ns(void) {
  struct timespec now;
  if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
    die("clock_gettime");
  return (int64_t)now.tv_sec * 1000000000LL + now.tv_nsec;
}

/*
 * Inline, because the child shares this stack until it execs: a child that returned from libc's syscall()
 * would overwrite the return address that its suspended parent still needs.
 */
static inline __attribute__((always_inline)) long clone3_on_this_stack(struct clone_args *args) {
#if defined(__x86_64__)
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(SYS_clone3), "D"(args), "S"(sizeof *args)
                   : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long number __asm__("x8") = SYS_clone3;
  register long result __asm__("x0") = (long)args;
  register long size __asm__("x1") = sizeof *args;
  __asm__ volatile("svc #0" : "+r"(result) : "r"(number), "r"(size) : "memory");
  return result;
#else
#error "clone3-floor knows x86-64 and aarch64"
#endif
}

static void spawn(int cgroup, char *program, int *pidfd) {
  char *arguments[] = {program, NULL};
  char *environment[] = {NULL};
  struct clone_args args = {
      .flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_INTO_CGROUP,
      .pidfd = (uint64_t)(uintptr_t)pidfd,
      .exit_signal = SIGCHLD,
      .cgroup = (uint64_t)cgroup,
  };

  long result = clone3_on_this_stack(&args);
  if (result == 0) {
    execve(program, arguments, environment);
    _exit(127);
  }
  if (result < 0) {
    errno = (int)-result;
    die("clone3");
  }
}

static void wait_for_success(int pidfd) {
  siginfo_t info = {0};
  while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) != 0)
    if (errno != EINTR)
      die("waitid");
  close(pidfd);
  if (info.si_code != CLD_EXITED || info.si_status != 0) {
    fprintf(stderr, "clone3-floor: the program ended with status %d\n", info.si_status);
    exit(1);
  }
}

static int open_cgroup(const char *path) {
  int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    die(path);
  return fd;
}

int main(int argc, char **argv) {
  bool fresh = argc > 1 && strcmp(argv[1], "--fresh") == 0;
  char **operands = argv + (fresh ? 2 : 1);
  long iterations = argc - (fresh ? 2 : 1) == 3 ? strtol(operands[1], NULL, 10) : 0;
  if (iterations < 1) {
    fprintf(stderr, "usage: clone3-floor [--fresh] CGROUP ITERATIONS PRINT-CLOCK\n");
    return 2;
  }

  int clock_pipe[2];
  int results = dup(STDOUT_FILENO);
  if (results < 0 || pipe2(clock_pipe, O_CLOEXEC) != 0 || dup2(clock_pipe[1], STDOUT_FILENO) < 0)
    die("pipe");
  FILE *out = fdopen(results, "w");
  if (out == NULL || fcntl(results, F_SETFD, FD_CLOEXEC) != 0)
    die("standard output");

  char path[4096];
  snprintf(path, sizeof path, "%s%s", operands[0], fresh ? "/fresh" : "");
  int cgroup = fresh ? -1 : open_cgroup(path);

  for (long i = 0; i < iterations; i++) {
    int pidfd = -1;
    int64_t before = clock_ns();
    if (fresh) {
      if (mkdir(path, 0755) != 0)
        die(path);
      cgroup = open_cgroup(path);
    }
    spawn(cgroup, operands[2], &pidfd);
    wait_for_success(pidfd);

    /* The writer is gone, so its line is in the pipe, whole. */
    char line[64];
    ssize_t length = read(clock_pipe[0], line, sizeof line - 1);
    if (length <= 0)
      die("no clock was written");
    line[length] = '\0';
    fprintf(out, "%.3f\n", (double)(strtoll(line, NULL, 10) - before) / 1000.0);

    if (fresh) {
      close(cgroup);
      if (rmdir(path) != 0)
        die(path);
    }
  }
  return fclose(out) == 0 ? 0 : 1;
}
