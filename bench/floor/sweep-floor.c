/*
 * sweep-floor INSTANCE [TWIN]: the least that any program can do to collect what a dead gateway left.
 *
 * Writes cgroup.kill of INSTANCE/sessions, waits for `populated 0`, removes INSTANCE and all below it, and
 * the same of TWIN, a v1 memory cgroup. Prints two numbers, in microseconds since before the write: empty
 * (populated 0), removed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
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
#define OPEN_DIRECTORIES 16

static void die(const char *what) {
  fprintf(stderr, "sweep-floor: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int64_t clock_ns(void) {
  struct timespec now;
  if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
    die("clock_gettime");
  return (int64_t)now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int open_file(const char *instance, const char *name, int flags) {
  char path[4096];
  snprintf(path, sizeof path, "%s/sessions/%s", instance, name);
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

static int remove_directory(const char *path, const struct stat *status, int type, struct FTW *place) {
  (void)status, (void)place;
  if (type != FTW_DP)
    return 0;
  int64_t start = clock_ns();
  while (rmdir(path) != 0)
    if (errno != EBUSY || clock_ns() - start > RMDIR_TIMEOUT_NS)
      return -1;
  return 0;
}

static void remove_tree(const char *path) {
  if (nftw(path, remove_directory, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS) != 0)
    die(path);
}

int main(int argc, char **argv) {
  if (argc != 2 && argc != 3) {
    fprintf(stderr, "usage: sweep-floor INSTANCE [TWIN]\n");
    return 2;
  }
  int kill_all = open_file(argv[1], "cgroup.kill", O_WRONLY);
  int events = open_file(argv[1], "cgroup.events", O_RDONLY);

  int64_t start = clock_ns();
  if (write(kill_all, "1", 1) != 1)
    die("cgroup.kill");
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

  remove_tree(argv[1]);
  if (argc == 3)
    remove_tree(argv[2]);
  printf("%lld %lld\n", (long long)(empty - start) / 1000, (long long)(clock_ns() - start) / 1000);
  return 0;
}
