/*
 * start-clock TIMES COMMAND [ARGUMENT]...: starts a command with plain fork and exec, TIMES in a row.
 *
 * Prints three numbers a line, in microseconds: since before the fork, main() of the print-clock that the
 * command runs sooner or later ("-" when it printed no clock), and the end of the command; and the CPU time
 * that it has used, with that of all it has waited for. With print-clock itself as the command this is the
 * floor.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what) {
  fprintf(stderr, "start-clock: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int64_t clock_ns(void) {
  struct timespec now;
  if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
    die("clock_gettime");
  return (int64_t)now.tv_sec * 1000000000LL + now.tv_nsec;
}

static pid_t start(char **command, int output) {
  pid_t pid = fork();
  if (pid < 0)
    die("fork");
  if (pid == 0) {
    if (dup2(output, STDOUT_FILENO) >= 0)
      execvp(command[0], command);
    fprintf(stderr, "start-clock: %s: %s\n", command[0], strerror(errno));
    _exit(127);
  }
  return pid;
}

static double microseconds(struct timeval time) {
  return (double)time.tv_sec * 1e6 + (double)time.tv_usec;
}

/* Returns the CPU time, in microseconds. */
static double wait_for_success(pid_t pid) {
  int status;
  struct rusage usage;
  while (wait4(pid, &status, 0, &usage) < 0)
    if (errno != EINTR)
      die("wait4");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    fprintf(stderr, "start-clock: the command ended with wait status %#x\n", status);
    exit(1);
  }
  return microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
}

/* The command has ended, so what it wrote is in the pipe, whole. 0: nothing, or another text. */
static int64_t read_clock(int pipe) {
  char line[4096];
  ssize_t length = read(pipe, line, sizeof line - 1);
  if (length <= 0)
    return 0;
  line[length] = '\0';
  return strtoll(line, NULL, 10);
}

int main(int argc, char **argv) {
  long times = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
  if (times < 1) {
    fprintf(stderr, "usage: start-clock TIMES COMMAND [ARGUMENT]...\n");
    return 2;
  }
  int clock_pipe[2];
  if (pipe2(clock_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
    die("pipe");

  for (long i = 0; i < times; i++) {
    int64_t before = clock_ns();
    double cpu = wait_for_success(start(argv + 2, clock_pipe[1]));
    int64_t ended = clock_ns();

    int64_t begun = read_clock(clock_pipe[0]);
    if (begun == 0)
      printf("- ");
    else if (begun < before || begun > ended)
      die("this clock is not ours");
    else
      printf("%.3f ", (double)(begun - before) / 1e3);
    printf("%.3f %.0f\n", (double)(ended - before) / 1e3, cpu);
  }
  return fflush(stdout) == 0 ? 0 : 1;
}
