#define _GNU_SOURCE
#include "reap.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "freezer_v1.h"
#include "mark.h"
#include "pidfd.h"

// SIGCHLD wakes us; the ticks are for what it does not tell: new descendants, and one that slipped through
// between two pids.
#define FIRST_TICK_MS 1
#define LAST_TICK_MS 20
// Who bears a mark is looked for among all processes, and may be somebody that we cannot end.
#define LAST_MARKED_TICK_MS 200
// Who has not ended so long after it was killed may be frozen.
#define THAW_MS 20
// How often to look whether anybody is at work.
#define LAST_LOOK_MS 10
// How long, and how often at least, to look for those that are new since the last look before all are killed:
// those that cannot be stopped (setuid programs) go on having children. Where many that fork share one slow
// CPU with who looks for them, a look takes a second, and those that were found would be in its way if they
// had to die now.
#define STOP_MS 50
#define STOP_LOOKS 10
// A look sees the zombies too, so it is postponed while there are more of them to be reaped, so often at
// most.
#define POSTPONED 32
#define REAPED_AT_ONCE 64

static void stop_children(struct corral_reap *reap) {
  if (!reap->walk.marked)
    reap->children = corral_stop_children(reap->walk.spare, reap->walk.scan);
}

// Of several that end in one thread the first has what is to be given back; the next look of another takes it
// again.
static void go_first(struct corral_reap *reap) {
  if (!reap->before.size)
    reap->before = corral_raise_priority();
}

static void enter_killing(struct corral_reap *reap, int64_t now_ms) {
  reap->state = CORRAL_KILLING;
  reap->deadline_ms = now_ms + reap->plan.kill_ms;
  reap->tick_ms = FIRST_TICK_MS;
  reap->look_ms = now_ms;
  reap->thaw_ms = now_ms + THAW_MS;
  stop_children(reap);
}

void corral_reap_begin(struct corral_reap *reap, const struct corral_end_plan *plan,
                       const struct corral_walk *whom, int64_t now_ms) {
  *reap = (struct corral_reap){.plan = *plan, .walk = *whom, .tick_ms = FIRST_TICK_MS, .look_ms = now_ms};
  reap->walk.context = reap;
  const int64_t time_ms = plan->drain_ms > 0 ? plan->drain_ms : plan->grace_ms;
  reap->deadline_ms = now_ms + time_ms + 1; // now_ms was rounded down: nobody gets less
  // Also the process that asks: among a hundred that fork it has a hundredth of the CPU, and reaps fewer than
  // die
  go_first(reap);
  if (plan->drain_ms > 0)
    reap->state = CORRAL_DRAINING;
  else if (plan->grace_ms > 0)
    reap->state = CORRAL_ASKING;
  else
    enter_killing(reap, now_ms);
}

static int walk(struct corral_reap *reap, void (*visit)(void *, const struct corral_process *, int)) {
  reap->walk.visit = visit;
  return reap->walk.marked ? corral_walk_marked(&reap->walk) : corral_walk_descendants(&reap->walk);
}

static bool nobody_lives(const struct corral_reap *reap) {
  return reap->walk.marked ? corral_none_marked(reap->walk.marked) == 1
                           : corral_childless(reap->walk.spare, reap->walk.scan) == 1;
}

static enum corral_calm_answer look(struct corral_reap *reap) {
  if (!reap->draining.looking) {
    (void)corral_descendants_of(getpid(), &reap->found); // without pidfds: nobody is signalled
    corral_calm_begin(&reap->draining, &reap->found);
  }
  return corral_calm_step(&reap->draining);
}

// False where they are to be killed now. The first look is followed by another at once: who was woken by the
// end of somebody else runs, or has run.
static bool drain(struct corral_reap *reap) {
  const bool first = !reap->draining.looked;
  enum corral_calm_answer answer = look(reap);
  if (first && answer == CORRAL_CALM_BUSY)
    answer = look(reap);
  return answer == CORRAL_CALM_MORE || answer == CORRAL_CALM_BUSY;
}

// SIGCONT after it: a stopped process does not act on a signal before it runs again.
static void ask_one(void *context, const struct corral_process *process, int pidfd) {
  struct corral_reap *reap = context;
  if (corral_members_has(&reap->asked, process->pid))
    return;
  (void)corral_members_add(&reap->asked, process->pid);
  (void)corral_pidfd_signal(pidfd, reap->plan.stop_signal ? reap->plan.stop_signal : SIGTERM);
  (void)corral_pidfd_signal(pidfd, SIGCONT);
}

// False for one that was noted before.
static bool note(struct corral_reap *reap, const struct corral_process *process) {
  if (corral_members_has(&reap->killed, process->pid))
    return false;
  (void)corral_members_add(&reap->killed, process->pid);
  if (reap->name_count < CORRAL_NAMES)
    memcpy(reap->names[reap->name_count++], process->name, CORRAL_NAME_BYTES);
  return true;
}

static void stop_one(void *context, const struct corral_process *process, int pidfd) {
  if (note(context, process))
    (void)corral_pidfd_signal(pidfd, SIGSTOP);
}

static void kill_one(void *context, const struct corral_process *process, int pidfd) {
  struct corral_reap *reap = context;
  (void)corral_pidfd_signal(pidfd, SIGKILL);
  (void)note(reap, process);
  if (reap->thaws)
    corral_thaw_v1(process->pid);
}

// Killed in any case: where a look takes long, the bound can be over before anybody was.
static void kill_and_name(void *context, const struct corral_process *process, int pidfd) {
  struct corral_reap *reap = context;
  kill_one(context, process, pidfd);
  (void)corral_members_add(&reap->left, process->pid);
}

// All are stopped first, so that none starts another for one that it sees die. A process with a
// pending SIGSTOP or SIGKILL cannot fork: copy_process() looks for signals under the lock under which the
// child would become visible.
// False: there were new ones, and they are to be looked for again.
static bool stop_all(struct corral_reap *reap, int64_t now_ms) {
  size_t before = reap->killed.count;
  if (reap->stop_looks++ == 0)
    reap->stop_until_ms = now_ms + STOP_MS;
  stop_children(reap);
  bool more = walk(reap, stop_one) == 0 && reap->killed.count > before;
  reap->calm = !more;
  return !more || (now_ms >= reap->stop_until_ms && reap->stop_looks >= STOP_LOOKS);
}

// False: it goes on at once, when the caller has reaped who has ended meanwhile. Each zombie would have to be
// looked at, too.
static bool kill_all(struct corral_reap *reap, int64_t now_ms) {
  go_first(reap);
  if (!reap->stopped) {
    reap->stopped = stop_all(reap, now_ms);
    return false;
  }
  size_t before = reap->killed.count;
  reap->thaws = now_ms >= reap->thaw_ms;
  (void)walk(reap, kill_one);
  reap->calm = reap->calm && reap->killed.count == before;
  reap->stopped = false;
  reap->stop_looks = 0;
  return true;
}

static int64_t finish_as(struct corral_reap *reap, enum corral_end_state state) {
  corral_restore_priority(&reap->before);
  reap->state = state;
  return -1;
}

static int64_t give_up(struct corral_reap *reap) {
  (void)walk(reap, kill_and_name);
  return finish_as(reap, CORRAL_STUCK);
}

static int64_t wait_for_next(const struct corral_reap *reap, int64_t now_ms) {
  int64_t next_ms = reap->look_ms < reap->deadline_ms ? reap->look_ms : reap->deadline_ms;
  return next_ms > now_ms ? next_ms - now_ms : 0;
}

size_t corral_reap_at_once(const struct corral_reap *reap) {
  if (!reap)
    return REAPED_AT_ONCE;
  if (reap->calm)
    return SIZE_MAX;
  return reap->children > REAPED_AT_ONCE ? reap->children : REAPED_AT_ONCE;
}

// Looked for when a look is due, but not among zombies, each of which costs as much as one who lives; unless
// the time is over.
static bool is_empty(const struct corral_reap *reap, enum corral_reaped reaped, int64_t now_ms) {
  bool due = now_ms >= reap->look_ms && reaped == CORRAL_REAPED;
  return reaped == CORRAL_CHILDLESS || ((due || now_ms >= reap->deadline_ms) && nobody_lives(reap));
}

// Those that have come to us meanwhile are stopped all the same.
static bool postpone(struct corral_reap *reap, enum corral_reaped reaped) {
  if (reaped != CORRAL_MORE_TO_REAP || reap->postponed++ == POSTPONED) {
    reap->postponed = 0;
    return false;
  }
  if (reap->state == CORRAL_KILLING)
    stop_children(reap);
  return true;
}

int64_t corral_reap_step(struct corral_reap *reap, enum corral_reaped reaped, int64_t now_ms) {
  if (reap->state >= CORRAL_EMPTY)
    return -1;
  if (is_empty(reap, reaped, now_ms))
    return finish_as(reap, CORRAL_EMPTY);
  if (reap->state <= CORRAL_ASKING && now_ms >= reap->deadline_ms)
    enter_killing(reap, now_ms);
  else if (reap->state == CORRAL_KILLING && now_ms >= reap->deadline_ms)
    return give_up(reap);
  if (postpone(reap, reaped))
    return 0;
  if (now_ms < reap->look_ms)
    return wait_for_next(reap, now_ms);
  if (reap->state == CORRAL_DRAINING && !drain(reap))
    enter_killing(reap, now_ms);
  if (reap->state == CORRAL_DRAINING && reap->draining.looking)
    return 0;
  if (reap->state == CORRAL_DRAINING)
    reap->tick_ms = reap->tick_ms < LAST_LOOK_MS ? reap->tick_ms : LAST_LOOK_MS;
  else if (reap->state == CORRAL_ASKING)
    (void)walk(reap, ask_one);
  else if (!kill_all(reap, now_ms))
    return 0;
  reap->look_ms = now_ms + reap->tick_ms;
  const int64_t last_tick_ms = reap->walk.marked ? LAST_MARKED_TICK_MS : LAST_TICK_MS;
  reap->tick_ms = reap->tick_ms * 2 < last_tick_ms ? reap->tick_ms * 2 : last_tick_ms;
  return wait_for_next(reap, now_ms);
}

void corral_reap_shorten(struct corral_reap *reap, int64_t grace_ms, int64_t now_ms) {
  if (reap->state <= CORRAL_ASKING && now_ms + grace_ms < reap->deadline_ms)
    reap->deadline_ms = now_ms + grace_ms;
}

void corral_reap_finish(struct corral_reap *reap) {
  corral_members_free(&reap->found);
  corral_calm_free(&reap->draining);
  corral_members_free(&reap->asked);
  corral_members_free(&reap->killed);
  corral_members_free(&reap->left);
}
