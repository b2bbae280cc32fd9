#define _GNU_SOURCE
#include "outside.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own.h"
#include "pidfd.h"

#define FIRST_TICK_MS 1
#define LAST_TICK_MS 20
// Where so many processes are being started by others that a pass may miss one: how often it is made again.
#define PASSES 3

void corral_outside_begin(struct corral_outside *outside, const struct corral_end_plan *plan,
                          const char *instance, int64_t grace_until_ms, int64_t now_ms) {
  *outside = (struct corral_outside){.plan = *plan,
                                     .grace_until_ms = grace_until_ms,
                                     .deadline_ms = now_ms + plan->kill_ms,
                                     .tick_ms = FIRST_TICK_MS};
  outside->marked =
      (struct corral_marked){.leader = plan->leader_fd < 0 ? -1 : corral_pidfd_pid(plan->leader_fd),
                             .leader_fd = plan->leader_fd,
                             .instance = instance,
                             .passes_over = true};
}

int corral_outside_add(struct corral_outside *outside, int group_fd) {
  const int64_t mark = corral_mark_of_group(group_fd);
  return mark > 0 ? corral_marks_add(&outside->marked.marks, mark) : 0;
}

// ---- one of them ----

enum life { DEAD, EXITING, RUNNING };

static int runs_on(void *process, pid_t thread) {
  struct corral_process one;
  (void)process;
  return corral_process_read(thread, &one) && !one.exiting;
}

// The kernel counts nobody in a cgroup who has begun to end, a moment before it is a zombie.
static enum life life_of(const struct corral_process *process) {
  char tasks[32];
  if (!process->lives)
    return DEAD;
  if (!process->exiting)
    return RUNNING;
  snprintf(tasks, sizeof tasks, "/proc/%d/task", process->pid);
  return process->threads > 1 && corral_each_number(tasks, runs_on, NULL) > 0 ? RUNNING : EXITING;
}

static void note_moved(struct corral_outside *outside, const struct corral_process *process) {
  if (outside->moved_count == CORRAL_MOVED)
    return;
  if (!outside->moved)
    outside->moved = calloc(CORRAL_MOVED, sizeof *outside->moved);
  if (!outside->moved)
    return;
  for (size_t i = 0; i < outside->moved_count; i++)
    if (outside->moved[i].pid == process->pid)
      return;
  struct corral_moved *moved = &outside->moved[outside->moved_count++];
  moved->pid = process->pid;
  memcpy(moved->name, process->name, sizeof moved->name);
  if (!corral_cgroup_of(process->pid, moved->cgroup, sizeof moved->cgroup))
    moved->cgroup[0] = '\0';
}

// True for one that has to be ended, or waited for.
static bool judge(struct corral_outside *outside, const struct corral_process *process) {
  const enum life life = life_of(process);
  if (life == EXITING)
    (void)corral_members_add(&outside->dying, process->pid);
  if (life != RUNNING)
    return false;
  if (!corral_is_of_other_instance(process->pid, outside->marked.instance))
    note_moved(outside, process);
  return true;
}

static bool judge_bearer(struct corral_outside *outside, const struct corral_bearer *bearer) {
  struct corral_process process;
  CORRAL_OWNED_FD pidfd = corral_pidfd_open(bearer->pid);
  if (pidfd < 0 && pidfd != -EMFILE && pidfd != -ENFILE && pidfd != -ENOMEM) // a thread, or gone
    return false;
  return corral_mark_of(bearer->pid) == bearer->mark && corral_process_read(bearer->pid, &process) &&
         judge(outside, &process);
}

static bool leader_lives(const struct corral_outside *outside) {
  return outside->marked.leader_fd >= 0 && !corral_readable(outside->marked.leader_fd, 0);
}

static bool judge_leader(struct corral_outside *outside) {
  struct corral_process process;
  return leader_lives(outside) && corral_process_read(outside->marked.leader, &process) &&
         judge(outside, &process);
}

// ---- all ----

static void end_them(struct corral_outside *outside, int64_t now_ms) {
  struct corral_end_plan plan = outside->plan;
  plan.grace_ms = outside->grace_until_ms > now_ms ? outside->grace_until_ms - now_ms : 0;
  const struct corral_walk walk = {.marked = &outside->marked};
  corral_reap_begin(&outside->reap, &plan, &walk, now_ms);
  outside->reaps = true;
  outside->state = CORRAL_OUTSIDE_ENDING;
}

void corral_outside_judge(struct corral_outside *outside, const struct corral_bearers *bearers,
                          int64_t now_ms) {
  corral_members_clear(&outside->dying);
  bool any = judge_leader(outside);
  corral_marks_sort(&outside->marked.marks);
  for (size_t i = 0; i < bearers->count; i++)
    if (corral_marks_have(&outside->marked.marks, bearers->list[i].mark))
      any = judge_bearer(outside, &bearers->list[i]) || any;
  if (any)
    end_them(outside, now_ms);
  else if (bearers->missed && ++outside->missed < PASSES)
    outside->state = CORRAL_OUTSIDE_LOOKING;
  else
    outside->state = outside->dying.count > 0 ? CORRAL_OUTSIDE_DYING : CORRAL_OUTSIDE_NOBODY;
}

// Who is about to end starts nobody: only it is looked at.
static bool are_dead(const struct corral_outside *outside) {
  if (leader_lives(outside))
    return false;
  for (size_t i = 0; i < outside->dying.count; i++) {
    struct corral_process process;
    const pid_t pid = outside->dying.pids[i];
    if (corral_process_read(pid, &process) && process.lives &&
        corral_marks_have(&outside->marked.marks, corral_mark_of(pid)))
      return false;
  }
  return true;
}

static int64_t await_dying(struct corral_outside *outside, int64_t now_ms) {
  if (are_dead(outside)) {
    outside->state = CORRAL_OUTSIDE_NOBODY;
    return -1;
  }
  if (now_ms >= outside->deadline_ms) {
    outside->left = outside->dying;
    outside->dying = (struct corral_members){0};
    outside->state = CORRAL_OUTSIDE_LEFT;
    return -1;
  }
  const int64_t wait_ms = outside->tick_ms;
  outside->tick_ms = wait_ms * 2 < LAST_TICK_MS ? wait_ms * 2 : LAST_TICK_MS;
  return wait_ms;
}

static void name_one(void *context, const struct corral_process *process, int pidfd) {
  struct corral_outside *outside = context;
  (void)pidfd;
  (void)corral_members_add(&outside->left, process->pid);
}

static int64_t reap(struct corral_outside *outside, int64_t now_ms) {
  const int64_t wait_ms = corral_reap_step(&outside->reap, CORRAL_REAPED, now_ms);
  if (wait_ms >= 0)
    return wait_ms;
  outside->state = outside->reap.state == CORRAL_EMPTY ? CORRAL_OUTSIDE_NOBODY : CORRAL_OUTSIDE_LEFT;
  if (outside->state == CORRAL_OUTSIDE_LEFT) {
    outside->marked.passes_over = false;
    const struct corral_walk all = {.marked = &outside->marked, .visit = name_one, .context = outside};
    (void)corral_walk_marked(&all);
  }
  return -1;
}

int64_t corral_outside_step(struct corral_outside *outside, int64_t now_ms) {
  switch (outside->state) {
  case CORRAL_OUTSIDE_DYING:
    return await_dying(outside, now_ms);
  case CORRAL_OUTSIDE_ENDING:
    return reap(outside, now_ms);
  case CORRAL_OUTSIDE_LOOKING:
    return 0;
  default:
    return -1;
  }
}

void corral_outside_hasten(struct corral_outside *outside, int64_t grace_ms, int64_t now_ms) {
  if (now_ms + grace_ms < outside->grace_until_ms)
    outside->grace_until_ms = now_ms + grace_ms;
  if (outside->state == CORRAL_OUTSIDE_ENDING)
    corral_reap_shorten(&outside->reap, grace_ms, now_ms);
}

void corral_outside_finish(struct corral_outside *outside) {
  if (outside->reaps)
    corral_reap_finish(&outside->reap);
  corral_marks_free(&outside->marked.marks);
  corral_members_free(&outside->dying);
  corral_members_free(&outside->left);
  free(outside->moved);
  *outside = (struct corral_outside){0};
}
