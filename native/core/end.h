// Ends a cgroup: ask (SIGTERM), wait, then kill until the kernel says that nothing in it lives; then, if that
// is wanted, take its directory away. What was not asked can be let end by itself before (DRAINING). A state
// machine that never blocks, so that one thread can end any number of groups at once:
//
//   DRAINING --nobody at work--+
//   ASKING --grace over--> KILLING --bound over-------------> STUCK
//      \----------------------+--populated 0--> LOOKING --/
//                             |                    \--nobody--> EMPTY --rmdir--> REMOVED
//                             ^----EBUSY: somebody came-------------/
//
// "Gone" is what three answers agree on: the group says that it is empty, its leader has ended, and nobody
// outside bears its mark (outside.h), unless the plan wants no more than the first.
//
// What has to look at every group that the payload made below its own does so in slices, a step each: a
// payload can make thousands.
#ifndef CORRAL_END_H
#define CORRAL_END_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "calm.h"
#include "end_plan.h"
#include "error.h"
#include "members.h"
#include "outside.h"
#include "path.h"
#include "quota.h"
#include "tree.h"

// What a walk over all groups of the end is for.
enum corral_end_walk {
  CORRAL_WALK_NONE,
  CORRAL_WALK_ASK,    // SIGTERM to who has not had it
  CORRAL_WALK_LOOK,   // who is there, and at work?
  CORRAL_WALK_COUNT,  // who is there?
  CORRAL_WALK_KILL,   // SIGKILL to each
  CORRAL_WALK_MARKS,  // whose mark do they bear that were born here?
  CORRAL_WALK_REMOVE, // the directories below the group's own
};

struct corral_end {
  enum corral_end_state state;
  enum corral_end_walk walk;
  struct corral_end_plan plan;
  struct corral_path group; // what it points to must outlive this
  struct corral_tree tree;
  int group_fd;  // group.fd, where that is held
  int events_fd; // cgroup.events; POLLPRI wakes
  int64_t deadline_ms;
  int64_t tick_ms;
  int64_t count_by_ms;
  int64_t kill_again_ms; // when the whole group is to be told again to die
  int64_t remove_by_ms;  // when to give up on removing; 0 before it began
  int64_t freeze_by_ms;
  struct corral_lift *lifts; // CPU quotas that are lifted while they die
  int64_t lift_above_ms;     // when to lift those of the directories above, too
  size_t standing;           // members at the last look: when they do not get fewer, each is told by itself
  bool looks, tells;         // what is under way for that
  bool by_members;           // no cgroup.kill (before 5.14), or none for a threaded group (EOPNOTSUPP)
  bool freezing;             // we wrote cgroup.freeze and have not thawed yet
  bool counted;              // who is to be killed
  bool gives_up;             // the bound is over
  int short_of; // EMFILE, ENFILE or ENOMEM, where the last step was refused because that ran out; else 0
  uint32_t name_count; // of `names`
  uint32_t unnamed_count;
  pid_t unnamed[CORRAL_NAMES]; // whose names are still to be read
  char names[CORRAL_NAMES][CORRAL_NAME_BYTES];
  uint64_t killed;             // processes alive when the killing began
  struct corral_members found; // by CORRAL_WALK_LOOK and _COUNT
  struct corral_calm draining;
  struct corral_members asked; // who had SIGTERM already
  struct corral_members left;  // who is left: filled when STUCK
  int64_t grace_until_ms;
  bool looks_outside; // `outside` was begun
  bool knows_marks;   // of all that was born in the group or below it
  bool wants_pass;    // corral_end_judge()
  int unseen;         // why it could not be looked who is outside: errno; 0: it was
  struct corral_outside outside;
  struct corral_error error;
};

// Begins; `now_ms` is CLOCK_MONOTONIC. A group that a held directory says is gone is EMPTY at once.
void corral_end_begin(struct corral_end *end, const struct corral_path *group,
                      const struct corral_end_plan *plan, int64_t now_ms);

// Does what is due. Returns how many milliseconds to wait, or to wait for POLLPRI on events_fd, before the
// next step; -1 when `state` is final. With `remove` it stops once in EMPTY, with 0: a caller that wants the
// group's last numbers reads them then, through group_fd. A step that there are no descriptors for, or no
// memory
// (`short_of`), is taken again up to the bound: others that end give some back, or the caller has a reserve.
int64_t corral_end_step(struct corral_end *end, int64_t now_ms);

// Where `wants_pass` is set after a step, the next one waits for this: what a pass over all processes found
// that began after that step, or -errno of it. Many ends can share one.
void corral_end_judge(struct corral_end *end, const struct corral_bearers *bearers, int refused,
                      int64_t now_ms);

// The same, with a pass of its own: for programs that have the time.
void corral_end_look(struct corral_end *end);

// Whether it has more groups to look at than one step does: on a thread that others wait for, it is not to go
// on.
bool corral_end_is_long(const struct corral_end *end);

// Whether its steps are passes over all processes, from now on and up to its end.
bool corral_end_is_slow(const struct corral_end *end);

// Shortens the time for draining, or the grace time, of an end that is under way, counted from now.
void corral_end_shorten(struct corral_end *end, int64_t grace_ms, int64_t now_ms);

// Closes its descriptors, and thaws what this froze; what it found out stays. For one that is over.
void corral_end_let_go(struct corral_end *end);

// Lets go of everything, on whatever path it is called.
void corral_end_finish(struct corral_end *end);

#endif
