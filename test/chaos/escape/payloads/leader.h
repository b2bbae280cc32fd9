/* What the leader of a payload does: it waits until all its processes have arrived where they hide, says
   "hidden", and then stays or leaves, as its first argument says. Where the kernel does not let it hide so,
   "cannot" and the reason come instead. */
#ifndef LEADER_H
#define LEADER_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lifetime.h"

/* A pipe on which every process that is in place writes one byte. */
typedef struct {
  int for_leader;
  int for_arrivals;
} arrivals;

static inline void fail(const char *what) {
  fprintf(stderr, "payload: %s: %s\n", what, strerror(errno));
  _exit(1);
}

/* This machine, or this user, may not do what the payload is about. */
static inline void cannot(const char *what) {
  dprintf(STDOUT_FILENO, "cannot %s: %s\n", what, strerror(errno));
  _exit(1);
}

static inline arrivals expect_arrivals(void) {
  int ends[2];
  if (pipe(ends) != 0)
    fail("pipe");
  return (arrivals){.for_leader = ends[0], .for_arrivals = ends[1]};
}

static inline void arrive(arrivals a) {
  if (write(a.for_arrivals, "+", 1) != 1)
    fail("arrive");
  close(a.for_leader);
  close(a.for_arrivals);
}

/* Ends the leader with an error when a process died on its way: then the pipe has no writer any more. */
static inline void await_arrivals(arrivals a, int count) {
  close(a.for_arrivals);
  for (int arrived = 0; arrived < count;) {
    char buffer[64];
    ssize_t got = read(a.for_leader, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      fail("a process did not arrive");
    arrived += (int)got;
  }
  close(a.for_leader);
}

static inline int leader_leaves(int argc, char **argv) {
  return argc > 1 && strcmp(argv[1], "leave") == 0;
}

static inline void say_hidden(void) {
  if (write(STDOUT_FILENO, "hidden\n", 7) != 7)
    fail("stdout");
}

static inline void wait_for_the_end(void) {
  for (;;)
    pause();
}

static inline int stay_or_leave(int argc, char **argv) {
  say_hidden();
  if (!leader_leaves(argc, argv))
    wait_for_the_end();
  return 0;
}

#endif
