/*
 * sleepers N: N processes that pause until they are killed: this one and N - 1 children.
 *
 * Prints one line, "ready PID PID …", once every one of them is running.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void sleep_until_killed(void) {
  for (;;)
    pause();
}

int main(int argc, char **argv) {
  char *end = NULL;
  long count = argc == 2 ? strtol(argv[1], &end, 10) : 0;
  if (count < 1 || *end != '\0') {
    fprintf(stderr, "usage: sleepers N\n");
    return 2;
  }

  /* Each child closes its copy of the writing end as its first act: end of file means that all run. */
  int started[2];
  pid_t *pids = calloc((size_t)count, sizeof *pids);
  if (pids == NULL || pipe(started) != 0) {
    perror("sleepers");
    return 1;
  }

  pids[0] = getpid();
  for (long i = 1; i < count; i++) {
    pids[i] = fork();
    if (pids[i] < 0) {
      /* The children made so far are in the caller's cgroup, and the caller ends that. */
      perror("sleepers: fork");
      return 1;
    }
    if (pids[i] == 0) {
      close(started[0]);
      close(started[1]);
      sleep_until_killed();
    }
  }

  close(started[1]);
  char byte;
  while (read(started[0], &byte, 1) < 0 && errno == EINTR)
    ;
  close(started[0]);

  fputs("ready", stdout);
  for (long i = 0; i < count; i++)
    printf(" %d", pids[i]);
  putchar('\n');
  if (fflush(stdout) != 0)
    return 1;
  sleep_until_killed();
}
