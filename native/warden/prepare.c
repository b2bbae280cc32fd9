#define _GNU_SOURCE
#include "prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../core/collect.h"
#include "../core/group.h"
#include "../core/instance.h"
#include "../core/ledger.h"
#include "log.h"
#include "monitor.h"

#define CREATE_MS 5000 // another creator or a sweeper locks <root>/corral for a few system calls

static int fail(const char *what, const struct corral_error *error) {
  log_error(what, error);
  return STATUS_FAILED;
}

static int make_instance(const struct run_plan *plan, struct prepared *prepared) {
  const struct timespec pause = {.tv_nsec = 1000000};
  struct corral_error error;
  for (int64_t until = corral_now_ms() + CREATE_MS;; nanosleep(&pause, NULL)) {
    prepared->lock = corral_instance_make(&prepared->root, plan->instance, plan->shown, &error);
    if (prepared->lock >= 0 || !corral_instance_must_wait(&error) || corral_now_ms() > until)
      break;
  }
  if (prepared->lock < 0)
    return fail("nothing can be made below the root", &error);
  prepared->instance_fd = corral_open_below(prepared->lock, ".", CORRAL_OPEN_DIRECTORY);
  prepared->guard_plan.instance_fd = prepared->instance_fd;
  return 0;
}

// What it is started by is needed up to its exec.
static int start_leader(struct run_plan *plan, struct prepared *prepared) {
  struct corral_spawn_plan *spawn = &plan->process.spawn;
  struct corral_error error;
  int none[CORRAL_MAX_STDIO];
  prepared->session = corral_path_of(&prepared->root, spawn->group);
  prepared->session.fd = spawn->group_fd = corral_open_path(&prepared->session, CORRAL_OPEN_DIRECTORY);
  int answer = corral_start_begin(&prepared->start, spawn, none, &error);
  return answer == 0 ? 0 : log_refused(spawn->command, &error);
}

static void tell_left_out(const struct corral_plan *plan) {
  for (const struct corral_make_step *step = plan->steps; step < plan->steps + plan->step_count; step++)
    if (step->left_out && *step->name)
      log_message("%s is not enforced: there is no %s in this kernel's cgroups", step->name,
                  strrchr(step->path, '/') + 1);
}

static int make_group(struct run_plan *plan, struct prepared *prepared) {
  struct corral_error error;
  if (corral_make(&prepared->root, plan->process.steps, plan->process.step_count, &error) < 0)
    return fail("the session cgroup cannot be made", &error);
  tell_left_out(&plan->process);
  return start_leader(plan, prepared);
}

// What the guard ends, it tells itself.
static struct corral_end_plan guard_end(const struct run_plan *plan) {
  static struct corral_ledger ledger;
  struct corral_end_plan end = plan->end;
  if (end.ledger) {
    ledger = *end.ledger;
    ledger.writer = "guard";
    end.ledger = &ledger;
  }
  return end;
}

int prepare(struct run_plan *plan, struct corral_base root, struct prepared *prepared) {
  *prepared = (struct prepared){.root = root,
                                .guard = {.lifeline = -1, .first = -1},
                                .lock = -1,
                                .instance_fd = -1,
                                .guard_plan = {.root = root,
                                               .instance_fd = -1,
                                               .name = plan->instance,
                                               .end = guard_end(plan),
                                               .no_clone3 = plan->process.spawn.no_clone3}};
  if (snprintf(prepared->instance, PATH_MAX, "%s/" CORRAL_DIRECTORY "/%s", root.path, plan->instance) >=
      PATH_MAX) {
    log_message("%s is too long a path", root.path);
    return STATUS_FAILED;
  }
  // First, so that nothing is ever there that it does not guard
  int answer = guard_start(prepared->guard_plan, &prepared->guard);
  if (answer < 0) {
    log_message("no guard can be started: %s", log_reason(-answer));
    return STATUS_FAILED;
  }
  int status = make_instance(plan, prepared);
  if (!status && (answer = guard_move_in(&prepared->guard)) < 0) {
    log_message("the guard cannot move into its group: %s", log_reason(-answer));
    status = STATUS_FAILED;
  }
  if (!status)
    status = make_group(plan, prepared);
  if (status)
    (void)unprepare(plan, prepared);
  return status;
}

int unprepare(const struct run_plan *plan, struct prepared *prepared) {
  if (prepared->guard.lifeline >= 0)
    (void)guard_over(&prepared->guard, plan->end.kill_ms + 1000);
  guard_drop(&prepared->guard);
  struct corral_error error; // nothing to do, unless the guard died
  struct corral_path instance = corral_path_of(&prepared->root, prepared->instance);
  instance.fd = prepared->instance_fd;
  struct corral_end_plan end = plan->end;
  end.ledger = NULL; // its line is written
  if (corral_instance_remove(&instance, &end, &error) < 0)
    return fail("the session's directories are left for the next sweep", &error);
  corral_instances_remove_directory(&prepared->root);
  return 0;
}
