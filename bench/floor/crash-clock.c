/*
 * crash-clock PID CGROUP [DIRECTORY]: ends a gateway as a crash would, and says when what it had started was
 * gone.
 *
 * Prints three numbers, in microseconds since before the SIGKILL to PID: PID was dead, the last process of
 * CGROUP was gone (populated 0, or no CGROUP any more), and DIRECTORY was removed. "never" stands for what
 * did not come in time, "-" for what was not asked for.
 *
 * It looks again and again, instead of waiting for news: the kernel tells of changes in cgroup.events at most
 * every 10 ms (CGROUP_FILE_NOTIFY_MIN_INTV), which would be most of what is measured.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LOOK_EVERY_NS 100000
#define GIVE_UP_NS 10000000000LL

static void die(const char *what) {
  fprintf(stderr, "crash-clock: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int64_t clock_ns(void) {
  struct timespec now;
  if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
    die("clock_gettime");
  return (int64_t)now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int open_events(const char *cgroup) {
  char path[4096];
  snprintf(path, sizeof path, "%s/cgroup.events", cgroup);
  int events = open(path, O_RDONLY | O_CLOEXEC);
  if (events < 0)
    die(path);
  return events;
}

static bool is_empty(int events) {
  char text[256];
  ssize_t length = pread(events, text, sizeof text - 1, 0);
  if (length < 0 && (errno == ENODEV || errno == ENOENT))
    return true;
  if (length < 0)
    die("cgroup.events");
  text[length] = '\0';
  return strstr(text, "populated 0") != NULL;
}

static bool is_dead(int pidfd) {
  struct pollfd end = {.fd = pidfd, .events = POLLIN};
  return poll(&end, 1, 0) == 1;
}

static bool is_removed(const char *directory) {
  if (access(directory, F_OK) == 0)
    return false;
  if (errno != ENOENT && errno != ENODEV)
    die(directory);
  return true;
}

static void pause_between_looks(void) {
  const struct timespec pause = {.tv_nsec = LOOK_EVERY_NS};
  nanosleep(&pause, NULL);
}

static void print_time(int64_t start, int64_t time, const char *end) {
  if (time < 0)
    printf("never%s", end);
  else
    printf("%.3f%s", (double)(time - start) / 1e3, end);
}

int main(int argc, char **argv) {
  long pid = argc == 3 || argc == 4 ? strtol(argv[1], NULL, 10) : 0;
  if (pid < 2) {
    fprintf(stderr, "usage: crash-clock PID CGROUP [DIRECTORY]\n");
    return 2;
  }
  const char *directory = argv[3];
  int events = open_events(argv[2]);
  if (is_empty(events)) {
    fprintf(stderr, "crash-clock: %s is empty from the start\n", argv[2]);
    return 1;
  }
  int gateway = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
  if (gateway < 0)
    die("pidfd_open");
  prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0); /* else each pause would be 50 us longer */

  int64_t dead = -1, empty = -1, removed = -1;
  int64_t start = clock_ns();
  if (syscall(SYS_pidfd_send_signal, gateway, SIGKILL, NULL, 0) != 0)
    die("pidfd_send_signal");
  while (clock_ns() - start < GIVE_UP_NS) {
    if (dead < 0 && is_dead(gateway))
      dead = clock_ns();
    if (empty < 0 && is_empty(events))
      empty = clock_ns();
    if (empty >= 0 && directory != NULL && is_removed(directory))
      removed = clock_ns();
    if (dead >= 0 && empty >= 0 && (directory == NULL || removed >= 0))
      break;
    pause_between_looks();
  }

  print_time(start, dead, " ");
  print_time(start, empty, " ");
  if (directory == NULL)
    puts("-");
  else
    print_time(start, removed, "\n");
  return 0;
}
