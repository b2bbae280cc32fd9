#define _GNU_SOURCE
#include "end.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "freezer_v1.h"
#include "instance.h"
#include "lock.h"
#include "own.h"
#include "populated.h"
#include "tree.h"

// cgroup.events wakes us; the ticks are for what it does not tell (new members to ask, a process that a kill
// missed in mid-fork, a notification that the kernel holds back for 10 ms: CGROUP_FILE_NOTIFY_MIN_INTV).
#define FIRST_TICK_MS 1
#define LAST_TICK_MS 100
#define KILL_AGAIN_MS 20
#define SHORTAGE_MS 10
// The quotas above are those of other sessions, too: nobody is to have more for an end that is over by
// itself.
#define LIFT_ABOVE_MS 20
// How often to look whether anybody is at work.
#define LAST_LOOK_MS 10
// A frozen or stopped sub-group can keep a freeze from completing (runc #2105): kill what there is after
// this.
#define FREEZE_MS 50

// Directories that one step looks at: about a millisecond of work.
#define SLICE 64
// How long it is counted who is to be killed before they are.
#define COUNT_MS 500
// How long a walk goes on once all else is over.
#define LAST_WALK_MS 1000

static const int kill_it[] = {SIGKILL, 0};
static bool gone(int number) {
  return number == ENOENT || number == ENODEV;
}

static int64_t finish_as(struct corral_end *end, enum corral_end_state state) {
  end->state = state;
  return -1;
}

static void stop_walk(struct corral_end *end);
static void recover(struct corral_end *end);

static int64_t over(struct corral_end *end) {
  end->state = CORRAL_EMPTY;
  return end->plan.remove ? 0 : -1;
}

// Nobody is in the group: by its first answer.
static int64_t empty(struct corral_end *end, int64_t now_ms) {
  stop_walk(end);
  corral_quota_restore(&end->lifts);
  recover(end);
  if (!end->plan.outside || end->group_fd < 0)
    return over(end);
  corral_outside_finish(&end->outside);
  corral_outside_begin(&end->outside, &end->plan, end->group.path, end->grace_until_ms, now_ms);
  end->looks_outside = true;
  end->knows_marks = false;
  end->state = CORRAL_LOOKING;
  return 0;
}

static bool is_shortage(int number) {
  return number == EMFILE || number == ENFILE || number == ENOMEM;
}

// "Gone" is what the kernel says through a descriptor that is held; a path that does not resolve says
// nothing.
static int64_t fail(struct corral_end *end, int number, const char *operation, int64_t now_ms) {
  if (gone(number) && (end->group_fd >= 0 || end->group.at != AT_FDCWD))
    return empty(end, now_ms);
  corral_fail(&end->error, number, operation, end->group.path);
  return finish_as(end, CORRAL_FAILED);
}

static int64_t tick(struct corral_end *end, int64_t now_ms) {
  int64_t wait = end->tick_ms;
  end->tick_ms = wait * 2 < LAST_TICK_MS ? wait * 2 : LAST_TICK_MS;
  int64_t left = end->deadline_ms - now_ms;
  return wait < left ? wait : left > 0 ? left : 0;
}

static int64_t try_again(struct corral_end *end, int number) {
  end->short_of = number;
  return SHORTAGE_MS;
}

// After a call that was refused: where what it lacks may come back it is made again.
static int64_t refused_by(struct corral_end *end, int number, const char *operation, int64_t now_ms) {
  return is_shortage(number) && now_ms < end->deadline_ms ? try_again(end, number)
                                                          : fail(end, number, operation, now_ms);
}

static int write_file(int directory_fd, const char *name, const char *text) {
  CORRAL_OWNED_FD fd = corral_open_below(directory_fd, name, O_WRONLY);
  if (fd < 0)
    return errno;
  return write(fd, text, strlen(text)) < 0 ? errno : 0;
}

static int64_t look_again(struct corral_end *end, int64_t now_ms);

static void enter_killing(struct corral_end *end, int64_t now_ms) {
  end->state = CORRAL_KILLING;
  end->draining.looking = false;
  end->deadline_ms = now_ms + end->plan.kill_ms;
  end->count_by_ms = now_ms + COUNT_MS;
  end->lift_above_ms = now_ms + LIFT_ABOVE_MS;
  end->tick_ms = FIRST_TICK_MS;
}

void corral_end_begin(struct corral_end *end, const struct corral_path *group,
                      const struct corral_end_plan *plan, int64_t now_ms) {
  *end = (struct corral_end){.plan = *plan,
                             .group = *group,
                             .group_fd = group->fd,
                             .tree = corral_tree_none(),
                             .events_fd = -1,
                             .grace_until_ms = now_ms + plan->grace_ms,
                             .tick_ms = FIRST_TICK_MS};
  if (end->group_fd < 0)
    end->group_fd = corral_open_path(group, CORRAL_OPEN_DIRECTORY);
  if (end->group_fd < 0) {
    fail(end, errno, "open cgroup", now_ms);
    return;
  }
  end->events_fd = corral_open_below(end->group_fd, "cgroup.events", O_RDONLY);
  if (end->events_fd < 0) {
    fail(end, errno, "open cgroup.events", now_ms);
    return;
  }
  end->deadline_ms = now_ms + (plan->drain_ms > 0 ? plan->drain_ms : plan->grace_ms);
  if (plan->drain_ms > 0)
    end->state = CORRAL_DRAINING;
  else if (plan->grace_ms > 0)
    end->state = CORRAL_ASKING;
  else
    enter_killing(end, now_ms);
}

// ---- what would keep them from dying ----

// For the family's directory, and that of all sessions of the instance. What is above these is not ours.
static void each_above(struct corral_end *end, void (*act)(struct corral_end *end, int group_fd)) {
  const char *below = end->group.below;
  if (end->group.at == AT_FDCWD)
    return;
  size_t levels = 0;
  if (!strncmp(below, CORRAL_DIRECTORY "/", strlen(CORRAL_DIRECTORY) + 1))
    below += strlen(CORRAL_DIRECTORY) + 1;
  for (; (below = strchr(below, '/')); below++)
    levels++;
  CORRAL_OWNED_FD at = levels ? corral_open_above(end->group_fd) : -1;
  while (at >= 0) {
    act(end, at);
    int above = --levels ? corral_open_above(at) : -1;
    corral_drop_fd(&at);
    at = above;
  }
}

static void lift_one(struct corral_end *end, int group_fd) {
  corral_quota_lift(&end->lifts, group_fd);
}

static void lift(struct corral_end *end, int64_t now_ms) {
  lift_one(end, end->group_fd);
  if (now_ms >= end->lift_above_ms)
    each_above(end, lift_one);
}

static void recover_one(struct corral_end *end, int group_fd) {
  (void)end;
  corral_quota_recover(group_fd);
}

// The process that ended one of these sessions from outside (`corral kill`) may have died at it.
static void recover(struct corral_end *end) {
  if (end->group_fd >= 0)
    each_above(end, recover_one);
}

// ---- walks, a slice a step ----

// At the top it is lifted already.
static void unthrottle(const struct corral_end *end) {
  if (end->tree.depth > 0)
    corral_quota_drop(end->tree.fd);
}

// SIGCONT after it: a stopped process does not act on a signal before it runs again.
static int ask_members(struct corral_end *end) {
  const int polite[] = {end->plan.stop_signal ? end->plan.stop_signal : SIGTERM, SIGCONT, 0};
  return corral_members_signal(end->tree.fd, polite, &end->asked, &end->asked);
}

static int visit(struct corral_end *end) {
  switch (end->walk) {
  case CORRAL_WALK_ASK:
    return ask_members(end);
  case CORRAL_WALK_LOOK:
    return corral_members_append(end->tree.fd, &end->found);
  case CORRAL_WALK_COUNT:
    unthrottle(end);
    return corral_members_append(end->tree.fd, &end->found);
  case CORRAL_WALK_KILL: {
    unthrottle(end);
    const int answer = corral_members_signal(end->tree.fd, kill_it, NULL, NULL);
    corral_thaw_v1_members(end->tree.fd);
    return answer;
  }
  case CORRAL_WALK_MARKS:
    return corral_outside_add(&end->outside, end->tree.fd);
  default:
    return 0;
  }
}

static void stop_walk(struct corral_end *end) {
  if (end->walk == CORRAL_WALK_NONE)
    return;
  corral_members_sort(&end->found);
  corral_tree_end(&end->tree);
  end->walk = CORRAL_WALK_NONE;
}

static int begin_walk(struct corral_end *end, enum corral_end_walk walk) {
  const struct corral_path top = {.at = end->group_fd, .below = ".", .fd = end->group_fd};
  end->walk = walk;
  corral_members_clear(&end->found);
  return corral_tree_begin(&end->tree, &top, walk == CORRAL_WALK_REMOVE);
}

// Goes on with such a walk, or begins it. 1 at its end, 0 when it goes on at the next step; -errno.
static int walked(struct corral_end *end, enum corral_end_walk walk) {
  int answer = end->walk == walk ? 0 : begin_walk(end, walk);
  for (int seen = 0; answer >= 0; seen++) {
    if (seen == SLICE)
      return 0;
    answer = corral_tree_step(&end->tree);
    if (answer == CORRAL_TREE_OVER) {
      stop_walk(end);
      return 1;
    }
    if (answer == CORRAL_TREE_ENTERED)
      answer = visit(end);
  }
  stop_walk(end);
  return gone(-answer) ? 1 : answer;
}

bool corral_end_is_long(const struct corral_end *end) {
  return end->walk != CORRAL_WALK_NONE || end->draining.looking;
}

bool corral_end_is_slow(const struct corral_end *end) {
  return end->state == CORRAL_LOOKING && end->outside.state == CORRAL_OUTSIDE_ENDING;
}

// After a walk that did not come to its end: it goes on at once, or was refused.
static int64_t go_on(struct corral_end *end, int answer, const char *operation, int64_t now_ms) {
  return answer == 0 ? 0 : refused_by(end, -answer, operation, now_ms);
}

// The first look is followed by another at once: who was woken by the end of somebody else runs, or has run.
static int64_t drain(struct corral_end *end, int64_t now_ms) {
  if (now_ms >= end->deadline_ms) {
    enter_killing(end, now_ms);
    return 0;
  }
  const bool first = !end->draining.looked;
  if (!end->draining.looking) {
    int answer = walked(end, CORRAL_WALK_LOOK);
    if (answer != 1)
      return go_on(end, answer, "list members", now_ms);
    corral_calm_begin(&end->draining, &end->found);
  }
  switch (corral_calm_step(&end->draining)) {
  case CORRAL_CALM_MORE:
    return 0;
  case CORRAL_CALM_BUSY:
    if (first)
      return 0;
    end->tick_ms = end->tick_ms < LAST_LOOK_MS ? end->tick_ms : LAST_LOOK_MS;
    return tick(end, now_ms);
  default:
    enter_killing(end, now_ms);
    return 0;
  }
}

static int64_t ask(struct corral_end *end, int64_t now_ms) {
  if (now_ms >= end->deadline_ms) {
    enter_killing(end, now_ms);
    return 0;
  }
  int answer = walked(end, CORRAL_WALK_ASK);
  return answer == 1 ? tick(end, now_ms) : go_on(end, answer, "signal members", now_ms);
}

static void keep_name(struct corral_end *end, pid_t pid) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/comm", pid);
  if (end->name_count == CORRAL_NAMES)
    return;
  CORRAL_OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC);
  char *name = end->names[end->name_count];
  ssize_t length = fd < 0 ? -1 : read(fd, name, CORRAL_NAME_BYTES);
  if (length <= 0)
    return;
  name[length - 1] = '\0'; // the newline
  end->name_count++;
}

static void read_names(struct corral_end *end) {
  for (uint32_t i = 0; i < end->unnamed_count; i++)
    keep_name(end, end->unnamed[i]);
  end->unnamed_count = 0;
}

// Who is there to be killed: for the report only, so it is taken once and not waited for. A few are named
// before they are killed. Of many, some are named while the kernel is at it, which takes longer than reading
// the names does.
static void count_members(struct corral_end *end) {
  stop_walk(end);
  const struct corral_members *found = &end->found;
  end->counted = true;
  end->killed += found->count + (found->unreachable ? 1 : 0);
  if (end->plan.claim > 0)
    corral_claim_killed(end->plan.claim, end->killed);
  end->standing = found->count;
  for (size_t i = 0; i < found->count && end->unnamed_count < CORRAL_NAMES; i++)
    end->unnamed[end->unnamed_count++] = found->pids[i];
  if (found->count <= CORRAL_NAMES)
    read_names(end);
}

// Kernels before 5.14, and threaded groups. Frozen, the members cannot fork away from under the list; a
// SIGKILL ends a frozen process.
static int64_t freeze_and_kill(struct corral_end *end, const struct corral_group_events *events,
                               int64_t now_ms) {
  if (!end->freezing) {
    lift(end, now_ms);
    end->freezing = true;
    int refused = write_file(end->group_fd, "cgroup.freeze", "1");
    if (refused) {
      end->freezing = !is_shortage(refused);
      return refused_by(end, refused, "write cgroup.freeze", now_ms);
    }
    end->freeze_by_ms = now_ms + FREEZE_MS;
    return FIRST_TICK_MS;
  }
  if (!events->frozen && now_ms < end->freeze_by_ms)
    return FIRST_TICK_MS;
  read_names(end); // frozen, all are still there
  int answer = walked(end, CORRAL_WALK_KILL);
  if (answer == 0)
    return 0;
  int refused = write_file(end->group_fd, "cgroup.freeze", "0");
  if (refused)
    return refused_by(end, refused, "write cgroup.freeze", now_ms);
  end->freezing = false;
  if (answer < 0)
    return go_on(end, answer, "signal members", now_ms);
  return FIRST_TICK_MS;
}

// cgroup.kill does not end a process whose first thread has ended and that has others: it sends SIGKILL to
// that thread alone, a zombie, which takes no signal (seen on 6.1 to 7.2). A signal through a pidfd is for
// the process. Only where nobody went since the last look: those that are dying need no second signal.
static int kill_each(struct corral_end *end) {
  if (end->looks) {
    int answer = walked(end, CORRAL_WALK_COUNT);
    if (answer != 1)
      return answer;
    end->looks = false;
    end->tells = end->found.count >= end->standing;
    end->standing = end->found.count;
  }
  int answer = end->tells ? walked(end, CORRAL_WALK_KILL) : 1;
  if (answer == 1)
    end->tells = false;
  return answer;
}

static bool is_gone(const struct corral_end *end) {
  struct corral_group_events events;
  return corral_reread_group_events(end->events_fd, &events) < 0;
}

// One write is not proof: kernels before 6.14 can miss a process in mid-fork. But telling those that are
// dying again and again holds them up, so in between it is only looked whether they are gone.
static int64_t kill_group(struct corral_end *end, int64_t now_ms) {
  const bool goes_on = end->looks || end->tells;
  if (!goes_on && now_ms < end->kill_again_ms)
    return tick(end, now_ms);
  if (!goes_on) {
    lift(end, now_ms);
    int refused = write_file(end->group_fd, "cgroup.kill", "1");
    if (is_shortage(refused))
      return refused_by(end, refused, "write cgroup.kill", now_ms);
    end->looks = end->kill_again_ms > 0;
    end->kill_again_ms = now_ms + KILL_AGAIN_MS;
    end->by_members = refused == EOPNOTSUPP || (refused == ENOENT && !is_gone(end));
    if (end->by_members) {
      end->looks = false;
      return 0;
    }
    if (refused)
      return fail(end, refused, "write cgroup.kill", now_ms);
  }
  int answer = kill_each(end);
  if (answer != 1)
    return go_on(end, answer, "signal members", now_ms);
  read_names(end);
  struct corral_group_events events;
  answer = corral_reread_group_events(end->events_fd, &events);
  if (answer < 0)
    return fail(end, -answer, "read cgroup.events", now_ms);
  return events.populated ? tick(end, now_ms) : empty(end, now_ms);
}

// Killed in any case: the bound may have been none. Then who is left is listed.
static int64_t give_up(struct corral_end *end, int was_short_of, int64_t now_ms) {
  const bool late = now_ms >= end->deadline_ms + LAST_WALK_MS;
  if (!end->gives_up) {
    stop_walk(end);
    const bool whole = !end->by_members && !end->plan.freeze;
    int refused = whole ? write_file(end->group_fd, "cgroup.kill", "1") : 0;
    if (is_shortage(refused) && !late)
      return try_again(end, refused);
    end->gives_up = end->tells = true;
  }
  int answer = end->tells && !late ? walked(end, CORRAL_WALK_KILL) : 1;
  if (answer != 0 && !is_shortage(-answer)) {
    end->tells = false;
    answer = late ? 1 : walked(end, CORRAL_WALK_COUNT);
  }
  if (answer == 0)
    return 0;
  if (is_shortage(-answer))
    return try_again(end, -answer);
  if (late && was_short_of) // so nobody knows who is left
    return fail(end, was_short_of, "list members", now_ms);
  stop_walk(end);
  end->left = end->found;
  end->found = (struct corral_members){0};
  return finish_as(end, CORRAL_STUCK);
}

// ---- who is outside ----

void corral_end_judge(struct corral_end *end, const struct corral_bearers *bearers, int refused,
                      int64_t now_ms) {
  end->wants_pass = false;
  end->unseen = -refused;
  if (end->unseen == 0)
    corral_outside_judge(&end->outside, bearers, now_ms);
  else
    end->outside.state = CORRAL_OUTSIDE_NOBODY;
}

void corral_end_look(struct corral_end *end) {
  struct timespec now;
  struct corral_bearers bearers;
  const int refused = corral_bearers_read(&bearers);
  clock_gettime(CLOCK_MONOTONIC, &now);
  corral_end_judge(end, &bearers, refused, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
  corral_bearers_free(&bearers);
}

// Those that had to be killed outside are told of like the others.
static void count_outside(struct corral_end *end) {
  const struct corral_reap *reap = &end->outside.reap;
  if (!end->outside.reaps)
    return;
  end->killed += reap->killed.count;
  for (uint32_t i = 0; i < reap->name_count && end->name_count < CORRAL_NAMES; i++)
    memcpy(end->names[end->name_count++], reap->names[i], CORRAL_NAME_BYTES);
}

static int64_t look_outside(struct corral_end *end, int64_t now_ms) {
  struct corral_outside *outside = &end->outside;
  if (!end->knows_marks) {
    const int answer = corral_is_lowest(end->group_fd) ? corral_outside_add(outside, end->group_fd)
                                                       : walked(end, CORRAL_WALK_MARKS);
    if (answer == 0 && end->walk == CORRAL_WALK_MARKS)
      return 0;
    if (is_shortage(-answer) && now_ms < outside->deadline_ms)
      return try_again(end, -answer);
    end->knows_marks = true;
  }
  if (outside->state == CORRAL_OUTSIDE_LOOKING) {
    end->wants_pass = true;
    return 0;
  }
  struct corral_group_events unread; // else a process that polls is woken by them again and again
  (void)corral_reread_group_events(end->events_fd, &unread);
  const int64_t wait_ms = corral_outside_step(outside, now_ms);
  if (wait_ms >= 0)
    return wait_ms;
  count_outside(end);
  if (outside->state == CORRAL_OUTSIDE_NOBODY)
    return over(end);
  end->left = outside->left;
  outside->left = (struct corral_members){0};
  return finish_as(end, CORRAL_STUCK);
}

static bool is_covered(const struct corral_end *end) {
  struct corral_group_events events;
  return end->events_fd >= 0 && corral_is_lowest(end->group_fd) &&
         corral_reread_group_events(end->events_fd, &events) == 0 && !events.populated;
}

// EBUSY although the kernel said empty: the payload had groups beside its own, or somebody moved in. Ends who
// is there now, and tries again.
static int64_t remove_group(struct corral_end *end, int64_t now_ms) {
  if (!end->remove_by_ms)
    end->remove_by_ms = now_ms + end->plan.kill_ms;
  int answer = 1;
  if (end->group_fd >= 0 && !corral_is_lowest(end->group_fd))
    answer = walked(end, CORRAL_WALK_REMOVE);
  const bool late = now_ms >= end->remove_by_ms;
  if (answer == 0 && !late)
    return 0;
  if (answer >= 0)
    answer = corral_remove_top(&end->group);
  if (answer == 0)
    return finish_as(end, CORRAL_REMOVED);
  if (is_shortage(-answer) && !late)
    return try_again(end, -answer);
  if (answer != -EBUSY || late) {
    const bool covered = answer == -EBUSY && is_covered(end);
    corral_fail(&end->error, -answer, covered ? "rmdir what something is mounted on" : "rmdir",
                end->group.path);
    return finish_as(end, CORRAL_FAILED);
  }
  if (end->events_fd < 0)
    return look_again(end, now_ms);
  end->state = CORRAL_KILLING;
  end->deadline_ms = end->remove_by_ms;
  end->count_by_ms = now_ms + COUNT_MS;
  end->kill_again_ms = 0;
  end->counted = false;
  return tick(end, now_ms);
}

void corral_end_let_go(struct corral_end *end) {
  if (end->group_fd >= 0 && end->freezing)
    (void)write_file(end->group_fd, "cgroup.freeze", "0");
  end->freezing = false;
  corral_quota_restore(&end->lifts);
  stop_walk(end);
  corral_drop_fd(&end->events_fd);
  if (end->group_fd != end->group.fd)
    corral_drop_fd(&end->group_fd);
}

// It was gone when it was opened, and is there now.
static int64_t look_again(struct corral_end *end, int64_t now_ms) {
  const struct corral_end_plan plan = end->plan;
  const struct corral_path group = {
      .at = end->group.at, .below = end->group.below, .fd = -1, .path = end->group.path};
  int64_t remove_by_ms = end->remove_by_ms;
  corral_end_let_go(end);
  corral_end_begin(end, &group, &plan, now_ms);
  end->remove_by_ms = remove_by_ms;
  return end->state == CORRAL_FAILED ? -1 : FIRST_TICK_MS;
}

int64_t corral_end_step(struct corral_end *end, int64_t now_ms) {
  const int was_short_of = end->short_of;
  end->short_of = 0;
  if (end->state == CORRAL_EMPTY && end->plan.remove)
    return remove_group(end, now_ms);
  if (end->state >= CORRAL_EMPTY)
    return -1;
  if (end->state == CORRAL_LOOKING)
    return look_outside(end, now_ms);
  struct corral_group_events events;
  int answer = corral_reread_group_events(end->events_fd, &events);
  if (answer < 0)
    return fail(end, -answer, "read cgroup.events", now_ms);
  if (!events.populated)
    return empty(end, now_ms);
  if (end->state == CORRAL_DRAINING)
    return drain(end, now_ms);
  if (end->state == CORRAL_ASKING)
    return ask(end, now_ms);
  if (now_ms >= end->deadline_ms && end->counted)
    return give_up(end, was_short_of, now_ms);
  if (!end->counted) {
    answer = walked(end, CORRAL_WALK_COUNT);
    if (now_ms < end->count_by_ms && answer <= 0 && (answer == 0 || is_shortage(-answer)))
      return answer == 0 ? 0 : try_again(end, -answer);
    count_members(end); // those that were seen
  }
  return end->plan.freeze || end->by_members ? freeze_and_kill(end, &events, now_ms)
                                             : kill_group(end, now_ms);
}

void corral_end_shorten(struct corral_end *end, int64_t grace_ms, int64_t now_ms) {
  if (end->state <= CORRAL_ASKING && now_ms + grace_ms < end->deadline_ms)
    end->deadline_ms = now_ms + grace_ms;
  if (now_ms + grace_ms < end->grace_until_ms)
    end->grace_until_ms = now_ms + grace_ms;
  if (end->looks_outside)
    corral_outside_hasten(&end->outside, grace_ms, now_ms);
}

void corral_end_finish(struct corral_end *end) {
  corral_end_let_go(end);
  end->group_fd = end->events_fd = -1;
  corral_outside_finish(&end->outside);
  corral_members_free(&end->asked);
  corral_members_free(&end->found);
  corral_members_free(&end->left);
  corral_calm_free(&end->draining);
}
