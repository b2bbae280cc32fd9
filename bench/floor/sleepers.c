/*
 * sleepers N [MIB]: N processes that pause until they are killed: this one and N - 1 children.
 *
 * Each has written to MIB mebibytes of its own, and to as many that all of them share.
 *
 * Prints one line, "ready PID PID …", once every one of them is running.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void sleep_until_killed(void) {
  for (;;)
    pause();
}

static long whole_number(const char *word) {
  char *end;
  long number = strtol(word, &end, 10);
  return *word != '\0' && *end == '\0' ? number : -1;
}

/* In small pages on every host, so that what it takes to count them is the same on all. */
static void *map(size_t bytes, int sharing) {
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    perror("sleepers: mmap");
    exit(1);
  }
  (void)madvise(memory, bytes, MADV_NOHUGEPAGE); /* EINVAL: this kernel has no huge pages */
  return memory;
}

static void touch(void *shared, size_t bytes) {
  if (bytes == 0)
    return;
  memset(map(bytes, MAP_PRIVATE), 1, bytes);
  memset(shared, 1, bytes);
}

int main(int argc, char **argv) {
  long count = argc == 2 || argc == 3 ? whole_number(argv[1]) : 0;
  long mebibytes = argc == 3 ? whole_number(argv[2]) : 0;
  if (count < 1 || mebibytes < 0) {
    fprintf(stderr, "usage: sleepers N [MIB]\n");
    return 2;
  }
  size_t bytes = (size_t)mebibytes << 20;
  void *shared = bytes > 0 ? map(bytes, MAP_SHARED) : NULL;

  /* Each child closes its copy of the writing end once it has its memory: end of file means that all run. */
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
      touch(shared, bytes);
      close(started[0]);
      close(started[1]);
      sleep_until_killed();
    }
  }

  touch(shared, bytes);
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
