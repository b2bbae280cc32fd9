/*
 * wait-empty CGROUP: says when the last process of a cgroup was gone.
 *
 * Prints "ready" once it watches, then CLOCK_MONOTONIC in nanoseconds at `populated 0`. A program of its own,
 * so that the watching does not slow down the peer that does the killing inside Node's event loop.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: wait-empty CGROUP\n");
    return 2;
  }
  char path[4096];
  snprintf(path, sizeof path, "%s/cgroup.events", argv[1]);
  int events = open(path, O_RDONLY | O_CLOEXEC);
  if (events < 0) {
    perror(path);
    return 1;
  }
  puts("ready");
  fflush(stdout);

  for (;;) {
    char text[256];
    ssize_t length = pread(events, text, sizeof text - 1, 0);
    if (length < 0) {
      perror(path);
      return 1;
    }
    text[length] = '\0';
    if (strstr(text, "populated 0") != NULL)
      break;

    struct pollfd change = {.fd = events, .events = POLLPRI};
    if (poll(&change, 1, -1) < 0 && errno != EINTR) {
      perror("poll");
      return 1;
    }
  }

  struct timespec now;
  if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
    return 1;
  printf("%lld\n", (long long)now.tv_sec * 1000000000LL + now.tv_nsec);
  return 0;
}
