// What a reaper knows: the parts of it are reaper.c, and reaper_clients.c for who comes by its door.
#ifndef CORRAL_REAPER_STATE_H
#define CORRAL_REAPER_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../core/reap.h"
#include "clients.h"
#include "poll_set.h"

// Bound on killing where nobody is left who could say one.
static const struct corral_end_plan orphaned = {.kill_ms = 10000};

// A process that the gateway asked for and that was not exec'ed yet; starts.c has them.
struct starting;

// A process that the gateway asked for: it is told how that ends.
struct started {
  uint32_t id;
  pid_t pid;
};

struct reaper {
  struct poll_set poll_set;
  bool scan;
  char **words;              // as of reaper.h
  struct starting *starting; // a list
  int starts; // epoll descriptor: tells when one of these is over; -1: there were no two at once yet
  struct started *started;
  size_t count, capacity;
  struct corral_reap reap;
  bool ending;
  bool closed;   // it was ended once: nobody joins any more
  bool orphaned; // the gateway is gone
  struct clients clients;
  int labels; // what is shown to clients; -1: nothing
  int record; // the words of the session's line; -1: none is to be written
  // What those that have joined said of their ends, and until when they may take for that
  struct corral_message sum;
  int64_t clients_ms;
  // Of one that has joined a session itself: the connection to the reaper of that; -1: none (any more)
  int host;
  bool served; // the command of that has ended
};

#endif
