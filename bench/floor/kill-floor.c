/*
 * kill-floor CGROUP: the least that any program can do to end everything in a cgroup and be sure of it.
 *
 * Writes cgroup.kill, waits for `populated 0` in cgroup.events, removes the directory. Prints three numbers,
 * in microseconds since before the write: killed (the write returned), empty (populated 0), removed. The
 * files are opened before the clock starts.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define POLL_TIMEOUT_MS 10000
#define RMDIR_TIMEOUT_NS 10000000000LL

static void die(const char *what) {
  fprintf(stderr, "kill-floor: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int64_t clock_ns(void) {
  struct timespec now;
  if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
    die("clock_gettime");
  return (int64_t)now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int open_file(const char *directory, const char *name, int flags) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  int fd = open(path, flags | O_CLOEXEC);
  if (fd < 0)
    die(path);
  return fd;
}

static bool is_populated(int events) {
  char text[256];
  ssize_t length = pread(events, text, sizeof text - 1, 0);
  if (length < 0)
    die("cgroup.events");
  text[length] = '\0';
  return strstr(text, "populated 0") == NULL;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: kill-floor CGROUP\n");
    return 2;
  }
  int kill_all = open_file(argv[1], "cgroup.kill", O_WRONLY);
  int events = open_file(argv[1], "cgroup.events", O_RDONLY);

  int64_t start = clock_ns();
  if (write(kill_all, "1", 1) != 1)
    die("cgroup.kill");
  int64_t killed = clock_ns();

  /* Reading is what arms POLLPRI: kernfs reports a change since the last read of this very descriptor. */
  while (is_populated(events)) {
    struct pollfd change = {.fd = events, .events = POLLPRI};
    int ready = poll(&change, 1, POLL_TIMEOUT_MS);
    if (ready == 0)
      errno = ETIMEDOUT;
    if (ready <= 0 && errno != EINTR)
      die("waiting for populated 0");
  }
  int64_t empty = clock_ns();

  while (rmdir(argv[1]) != 0)
    if (errno != EBUSY || clock_ns() - empty > RMDIR_TIMEOUT_NS)
      die("rmdir");
  int64_t removed = clock_ns();

  printf("%.3f %.3f %.3f\n", (double)(killed - start) / 1e3, (double)(empty - start) / 1e3,
         (double)(removed - start) / 1e3);
  return 0;
}
