// Ends the descendants of this process, which is their subreaper, or all that bear a mark (mark.h): asks
// (SIGTERM), waits, then stops and kills them until none lives. What corral_end() is for a cgroup. A state
// machine that never blocks:
//
//   DRAINING --nobody at work--+
//   ASKING --grace over--> KILLING --bound over--> STUCK
//      \----------------------+--no descendant--> EMPTY
#ifndef CORRAL_REAP_H
#define CORRAL_REAP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "calm.h"
#include "descendants.h"
#include "end_plan.h"
#include "priority.h"

// What is left once the caller has reaped some of its children: up to corral_reap_at_once().
enum corral_reaped { CORRAL_REAPED, CORRAL_MORE_TO_REAP, CORRAL_CHILDLESS };

struct corral_reap {
  enum corral_end_state state;   // CORRAL_DRAINING, _ASKING, _KILLING, _EMPTY or _STUCK
  struct corral_end_plan plan;   // without freeze and remove
  struct corral_walk walk;       // whom to end, and how to find them
  int64_t deadline_ms, tick_ms;  // when the state is over; how long until the next look
  int64_t look_ms;               // when to look at them next
  int64_t thaw_ms;               // from when on those that are frozen are thawed
  int64_t stop_until_ms;         // how long to look for more before they are killed
  unsigned stop_looks;           // and how often they were looked for
  bool stopped;                  // all are, or it has taken too long: they are killed next
  bool thaws;                    // who is killed is thawed
  bool calm;                     // nobody new was found since all were stopped
  unsigned postponed;            // looks, because there was more to reap
  size_t children;               // that were there when they were last stopped; zombies are, too
  struct corral_members found;   // at the look that is under way
  struct corral_calm draining;   // whether they are at work
  struct corral_members asked;   // who had SIGTERM already
  struct corral_members killed;  // who lived when the killing began, or came after that
  struct corral_members left;    // who is left: filled when STUCK
  struct corral_priority before; // of this thread, which goes first up to the end
  uint32_t name_count;
  char names[CORRAL_NAMES][CORRAL_NAME_BYTES]; // of the first that were killed
};

// Begins. Of `whom` its visit is not used; `now_ms` is CLOCK_MONOTONIC.
void corral_reap_begin(struct corral_reap *reap, const struct corral_end_plan *plan,
                       const struct corral_walk *whom, int64_t now_ms);

// How many the caller reaps before a step, or where nothing is ended (NULL) before it listens again: those
// that fork and end can keep it busy for as long as they like, and what stops them is the step. At least as
// many as the last step went through, so that zombies do not gather; all, once they are stopped.
size_t corral_reap_at_once(const struct corral_reap *reap);

// Does what is due, always in the same thread, which goes first up to the final state. Before it, the caller
// has reaped; who ends those with a mark has nobody to reap, and says CORRAL_REAPED. Returns how many ms to
// wait, or to wait for SIGCHLD, before the next step; -1 when `state` is final.
int64_t corral_reap_step(struct corral_reap *reap, enum corral_reaped reaped, int64_t now_ms);

// Shortens the time for draining, or the grace time, counted from now.
void corral_reap_shorten(struct corral_reap *reap, int64_t grace_ms, int64_t now_ms);

void corral_reap_finish(struct corral_reap *reap);

#endif
