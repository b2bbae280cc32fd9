// The least that a look at all processes for the mark of a session costs: /proc is listed, and prlimit(2)
// asked for each. Prints, for each line on stdin, the milliseconds that one took.
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static double now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

int main(void) {
  char line[16];
  while (fgets(line, sizeof line, stdin)) {
    const double begun = now_ms();
    DIR *processes = opendir("/proc");
    if (!processes)
      return 1;
    unsigned long marked = 0;
    for (const struct dirent *entry; (entry = readdir(processes));) {
      struct rlimit limit;
      const int pid = atoi(entry->d_name);
      if (pid > 0 && prlimit(pid, RLIMIT_LOCKS, NULL, &limit) == 0 && limit.rlim_max != RLIM_INFINITY)
        marked++;
    }
    closedir(processes);
    printf("%f %lu\n", now_ms() - begun, marked);
    fflush(stdout);
  }
  return 0;
}
