#define _GNU_SOURCE
#include "end.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "own.h"
#include "populated.h"
#include "tree.h"

// cgroup.events wakes us; the ticks are for what it does not tell (new members to ask, a process that a kill
// missed in mid-fork, a notification that the kernel holds back for 10 ms: CGROUP_FILE_NOTIFY_MIN_INTV).
#define FIRST_TICK_MS 1
#define LAST_TICK_MS 100
#define KILL_AGAIN_MS 20
// A frozen or stopped sub-group can keep a freeze from completing (runc #2105): kill what there is after
// this.
#define FREEZE_MS 50

static const int kill_it[] = {SIGKILL, 0};

static bool gone(int number) {
  return number == ENOENT || number == ENODEV;
}

static int64_t finish_as(struct corral_end *end, enum corral_end_state state) {
  end->state = state;
  return -1;
}

static int64_t empty(struct corral_end *end) {
  end->state = CORRAL_EMPTY;
  return end->plan.remove ? 0 : -1;
}

static int64_t fail(struct corral_end *end, int number, const char *operation) {
  if (gone(number))
    return empty(end);
  corral_fail(&end->error, number, operation, end->group);
  return finish_as(end, CORRAL_FAILED);
}

static int64_t tick(struct corral_end *end, int64_t now_ms) {
  int64_t wait = end->tick_ms;
  end->tick_ms = wait * 2 < LAST_TICK_MS ? wait * 2 : LAST_TICK_MS;
  int64_t left = end->deadline_ms - now_ms;
  return wait < left ? wait : left > 0 ? left : 0;
}

static int write_file(int directory_fd, const char *name, const char *text) {
  CORRAL_OWNED_FD fd = corral_open_forced(directory_fd, name, O_WRONLY);
  if (fd < 0)
    return errno;
  return write(fd, text, strlen(text)) < 0 ? errno : 0;
}

static int64_t look_again(struct corral_end *end, int64_t now_ms);

static void enter_killing(struct corral_end *end, int64_t now_ms) {
  end->state = CORRAL_KILLING;
  end->deadline_ms = now_ms + end->plan.kill_ms;
  end->tick_ms = FIRST_TICK_MS;
}

void corral_end_begin(struct corral_end *end, const char *group, const struct corral_end_plan *plan,
                      int64_t now_ms) {
  *end = (struct corral_end){
      .plan = *plan, .group = group, .group_fd = -1, .events_fd = -1, .tick_ms = FIRST_TICK_MS};
  end->group_fd = corral_open_forced(AT_FDCWD, group, O_RDONLY | O_DIRECTORY);
  if (end->group_fd < 0) {
    fail(end, errno, "open cgroup");
    return;
  }
  if (faccessat(end->group_fd, "cgroup.kill", F_OK, 0) < 0)
    end->plan.freeze = true;
  end->events_fd = corral_open_forced(end->group_fd, "cgroup.events", O_RDONLY);
  if (end->events_fd < 0) {
    fail(end, errno, "open cgroup.events");
    return;
  }
  end->deadline_ms = now_ms + plan->grace_ms;
  if (plan->grace_ms > 0)
    end->state = CORRAL_ASKING;
  else
    enter_killing(end, now_ms);
}

// SIGCONT after it: a stopped process does not act on SIGTERM before it runs again.
static int64_t ask(struct corral_end *end, int64_t now_ms) {
  static const int polite[] = {SIGTERM, SIGCONT, 0};
  if (now_ms >= end->deadline_ms) {
    enter_killing(end, now_ms);
    return 0;
  }
  int reached = corral_members_signal(end->group, polite, &end->asked, &end->asked);
  if (reached < 0)
    return fail(end, -reached, "signal members");
  return tick(end, now_ms);
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
  struct corral_members members = {0};
  end->counted = true;
  if (corral_members_read(end->group, &members) == 0) {
    end->killed += members.count + (members.unreachable ? 1 : 0);
    end->standing = members.count;
    for (size_t i = 0; i < members.count && end->unnamed_count < CORRAL_NAMES; i++)
      end->unnamed[end->unnamed_count++] = members.pids[i];
    if (members.count <= CORRAL_NAMES)
      read_names(end);
  }
  corral_members_free(&members);
}

// Kernels before 5.14. Frozen, the members cannot fork away from under the list; a SIGKILL ends a frozen
// process.
static int64_t freeze_and_kill(struct corral_end *end, const struct corral_group_events *events,
                               int64_t now_ms) {
  if (!end->freezing) {
    end->freezing = true;
    int refused = write_file(end->group_fd, "cgroup.freeze", "1");
    if (refused)
      return fail(end, refused, "write cgroup.freeze");
    end->freeze_by_ms = now_ms + FREEZE_MS;
    return FIRST_TICK_MS;
  }
  if (!events->frozen && now_ms < end->freeze_by_ms)
    return FIRST_TICK_MS;
  read_names(end); // frozen, all are still there
  int reached = corral_members_signal(end->group, kill_it, NULL, NULL);
  int refused = write_file(end->group_fd, "cgroup.freeze", "0");
  end->freezing = false;
  if (reached < 0)
    return fail(end, -reached, "signal members");
  if (refused)
    return fail(end, refused, "write cgroup.freeze");
  return FIRST_TICK_MS;
}

// cgroup.kill does not end a process whose first thread has ended and that has others: it sends SIGKILL to
// that thread alone, a zombie, which takes no signal (seen on 6.1 to 7.2). A signal through a pidfd is for
// the process. Only where nobody went since the last look: those that are dying need no second signal.
static int kill_each(struct corral_end *end) {
  struct corral_members members = {0};
  int answer = corral_members_read(end->group, &members);
  size_t before = end->standing, now = members.count;
  corral_members_free(&members);
  if (answer < 0)
    return answer;
  end->standing = now;
  return now < before ? 0 : corral_members_signal(end->group, kill_it, NULL, NULL);
}

// One write is not proof: kernels before 6.14 can miss a process in mid-fork. But telling those that are
// dying again and again holds them up, so in between it is only looked whether they are gone.
static int64_t kill_group(struct corral_end *end, int64_t now_ms) {
  if (now_ms < end->kill_again_ms)
    return tick(end, now_ms);
  bool again = end->kill_again_ms > 0;
  end->kill_again_ms = now_ms + KILL_AGAIN_MS;
  int refused = write_file(end->group_fd, "cgroup.kill", "1");
  if (refused)
    return fail(end, refused, "write cgroup.kill");
  int reached = again ? kill_each(end) : 0;
  if (reached < 0)
    return fail(end, -reached, "signal members");
  read_names(end);
  struct corral_group_events events;
  int answer = corral_reread_group_events(end->events_fd, &events);
  if (answer < 0)
    return fail(end, -answer, "read cgroup.events");
  return events.populated ? tick(end, now_ms) : empty(end);
}

// Killed in any case: the bound may have been none.
static int64_t give_up(struct corral_end *end) {
  (void)corral_members_signal(end->group, kill_it, NULL, NULL);
  (void)corral_members_read(end->group, &end->left);
  return finish_as(end, CORRAL_STUCK);
}

// EBUSY although the kernel said empty: the payload had groups beside its own, or somebody moved in. Ends who
// is there now, and tries again.
static int64_t take_away(struct corral_end *end, int64_t now_ms) {
  if (!end->remove_by_ms)
    end->remove_by_ms = now_ms + end->plan.kill_ms;
  int answer = corral_remove_tree(end->group, &end->error);
  if (answer == 0)
    return finish_as(end, CORRAL_REMOVED);
  if (answer != -EBUSY || now_ms >= end->remove_by_ms)
    return finish_as(end, CORRAL_FAILED);
  if (end->events_fd < 0)
    return look_again(end, now_ms);
  end->state = CORRAL_KILLING;
  end->deadline_ms = end->remove_by_ms;
  end->kill_again_ms = 0;
  end->counted = false;
  return tick(end, now_ms);
}

// It was gone when it was opened, and is there now.
static int64_t look_again(struct corral_end *end, int64_t now_ms) {
  struct corral_end_plan plan = end->plan;
  int64_t remove_by_ms = end->remove_by_ms;
  corral_close_fd(&end->group_fd);
  corral_end_begin(end, end->group, &plan, now_ms);
  end->remove_by_ms = remove_by_ms;
  return end->state == CORRAL_FAILED ? -1 : FIRST_TICK_MS;
}

int64_t corral_end_step(struct corral_end *end, int64_t now_ms) {
  if (end->state == CORRAL_EMPTY && end->plan.remove)
    return take_away(end, now_ms);
  if (end->state >= CORRAL_EMPTY)
    return -1;
  struct corral_group_events events;
  int answer = corral_reread_group_events(end->events_fd, &events);
  if (answer < 0)
    return fail(end, -answer, "read cgroup.events");
  if (!events.populated)
    return empty(end);
  if (end->state == CORRAL_ASKING)
    return ask(end, now_ms);
  if (!end->counted)
    count_members(end);
  if (now_ms >= end->deadline_ms)
    return give_up(end);
  return end->plan.freeze ? freeze_and_kill(end, &events, now_ms) : kill_group(end, now_ms);
}

void corral_end_hasten(struct corral_end *end, int64_t grace_ms, int64_t now_ms) {
  if (end->state == CORRAL_ASKING && now_ms + grace_ms < end->deadline_ms)
    end->deadline_ms = now_ms + grace_ms;
}

void corral_end_finish(struct corral_end *end) {
  if (end->freezing)
    (void)write_file(end->group_fd, "cgroup.freeze", "0");
  corral_close_fd(&end->events_fd);
  corral_close_fd(&end->group_fd);
  end->events_fd = end->group_fd = -1;
  corral_members_free(&end->asked);
  corral_members_free(&end->left);
}
