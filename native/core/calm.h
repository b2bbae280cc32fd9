// Whether processes that nobody asked to end are about to end by themselves, or to go on waiting for good:
// what a shell left in `exec > >(tee log)` has still to write its last line. By what they are at, not by how
// long they take: who runs, or waits for a disk or for room to write, is at work; who sleeps through two
// looks, without having run in between, waits for something that may never come.
#ifndef CORRAL_CALM_H
#define CORRAL_CALM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "members.h"

enum corral_calm_answer {
  CORRAL_CALM_MORE,  // this look goes on with the next call
  CORRAL_CALM_BUSY,  // somebody is at work, or this was the first look
  CORRAL_CALM_STILL, // nobody is
  CORRAL_CALM_GROWS, // they go on starting others
};

// Zero to begin with.
struct corral_calm {
  struct corral_members now, before; // who is there, and was at the last look
  size_t next;                       // of `now`, whom to look at next
  bool looking, looked;              // a look is under way; there was one before it
  bool busy;
  uint64_t threads, switches; // of all, so far, at this look
  uint64_t threads_before, switches_before;
  uint64_t came, came_before; // who was not there at the look before, of all looks
};

// Begins a look at these, sorted, which it takes over.
void corral_calm_begin(struct corral_calm *calm, struct corral_members *members);

// Looks at some of them.
enum corral_calm_answer corral_calm_step(struct corral_calm *calm);

void corral_calm_free(struct corral_calm *calm);

#endif
