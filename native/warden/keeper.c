#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/children.h"
#include "../core/collect.h"
#include "../core/door.h"
#include "../core/grow.h"
#include "../core/own.h"
#include "../core/pidfd.h"
#include "../core/reap.h"
#include "keeper.h"
#include "poll_set.h"
#include "reaper.h"
#include "undumpable.h"
#include "wait.h"

// How long the reapers of a gateway that is gone have for ending their sessions, before the keeper ends all.
#define REAPERS_MS 10000
// When to look again at what outlived SIGKILL.
#define TRY_AGAIN_MS 1000

struct child_reaper {
  uint32_t id; // of the request
  pid_t pid;
};

struct keeper {
  struct poll_set poll_set;
  int owner; // pidfd
  struct keeper_plan plan;
  struct child_reaper *children;
  size_t count, capacity;
  struct corral_members reapers; // the pids of those
  struct corral_reap reap;       // of lost property
  bool collecting;
  int64_t again_ms;            // when to try again what outlived the last try; 0: nothing did
  bool over;                   // nobody is to be spared
  int64_t over_ms;             // when that begins: the owner is gone; 0: it lives
  bool asked;                  // the gateway waits for CORRAL_CLEAN,
  uint32_t asked_id;           // but not before this reaper is reaped
  struct corral_message clean; // what to say then
};

// ---- reapers ----

static void forget(struct keeper *keeper, pid_t pid) {
  corral_members_clear(&keeper->reapers);
  size_t kept = 0;
  for (size_t i = 0; i < keeper->count; i++) {
    if (keeper->children[i].pid == pid)
      continue;
    keeper->children[kept++] = keeper->children[i];
    (void)corral_members_add(&keeper->reapers, keeper->children[kept - 1].pid);
  }
  keeper->count = kept;
}

static bool start_reaper(struct keeper *keeper, uint32_t id, const struct reaper_plan *plan) {
  if (!corral_grow(&keeper->children, &keeper->capacity, keeper->count + 1, sizeof *keeper->children))
    return false;
  pid_t pid = fork();
  if (pid == 0) {
    if (keeper->collecting)
      corral_restore_priority(&keeper->reap.before);
    run_reaper(plan);
  }
  if (pid < 0)
    return false;
  keeper->children[keeper->count++] = (struct child_reaper){id, pid};
  (void)corral_members_add(&keeper->reapers, pid);
  return true;
}

// Where it cannot be done, the lifeline closes, and that says so.
static void handle_start_reaper(struct keeper *keeper, uint32_t id, const struct corral_fds *fds) {
  if (fds->count > 0)
    (void)start_reaper(
        keeper, id,
        &(struct reaper_plan){
            .lifeline = fds->fds[0], .owner = keeper->owner, .scan = keeper->plan.scan, .host = -1});
}

// One that was stopped would not hear that the gateway is gone. They are not reaped, so these pids are
// theirs.
static void wake_reapers(const struct keeper *keeper) {
  for (size_t i = 0; i < keeper->count; i++)
    (void)kill(keeper->children[i].pid, SIGCONT);
}

static bool holds(const struct keeper *keeper, uint32_t id) {
  for (size_t i = 0; i < keeper->count; i++)
    if (keeper->children[i].id == id)
      return true;
  return false;
}

static enum corral_reaped reap_children(struct keeper *keeper) {
  for (size_t left = corral_reap_at_once(keeper->collecting ? &keeper->reap : NULL); left > 0; left--) {
    siginfo_t info = {0};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | __WALL) < 0)
      return errno == ECHILD ? CORRAL_CHILDLESS : CORRAL_REAPED;
    if (info.si_pid == 0)
      return CORRAL_REAPED;
    forget(keeper, info.si_pid);
  }
  return CORRAL_MORE_TO_REAP;
}

// ---- lost property: what a reaper held that was killed ----

static const struct corral_members *spared(const struct keeper *keeper) {
  return keeper->over ? NULL : &keeper->reapers;
}

static void begin_collecting(struct keeper *keeper, int64_t now_ms) {
  const struct corral_end_plan plan = {.kill_ms = keeper->plan.kill_ms};
  const struct corral_walk lost = {.spare = spared(keeper), .scan = keeper->plan.scan};
  corral_reap_begin(&keeper->reap, &plan, &lost, now_ms);
  keeper->collecting = true;
}

static void add_names(struct corral_message *clean, const struct corral_reap *reap) {
  for (uint32_t i = 0; i < reap->name_count && clean->name_count < CORRAL_NAMES; i++)
    memcpy(clean->names[clean->name_count++], reap->names[i], CORRAL_NAME_BYTES);
}

static void note_collected(struct keeper *keeper, int64_t now_ms) {
  struct corral_message *clean = &keeper->clean;
  const struct corral_reap *reap = &keeper->reap;
  clean->killed += reap->killed.count;
  add_names(clean, reap);
  clean->left_count = 0;
  for (; clean->left_count < reap->left.count && clean->left_count < CORRAL_MESSAGE_LEFT; clean->left_count++)
    clean->left[clean->left_count] = reap->left.pids[clean->left_count];
  keeper->again_ms = reap->state == CORRAL_STUCK ? now_ms + TRY_AGAIN_MS : 0;
  keeper->collecting = false;
  corral_reap_finish(&keeper->reap);
}

static void send_clean(struct keeper *keeper) {
  keeper->clean.kind = CORRAL_CLEAN;
  keeper->clean.values.clean.empty = keeper->clean.left_count == 0;
  (void)poll_send(&keeper->poll_set, &keeper->clean, -1);
  keeper->clean = (struct corral_message){0};
  keeper->asked = false;
}

// How long to wait for what comes next.
static int64_t collect(struct keeper *keeper, enum corral_reaped reaped) {
  bool childless = reaped == CORRAL_CHILDLESS;
  int64_t now_ms = corral_now_ms();
  if (!keeper->collecting && now_ms >= keeper->again_ms && !childless &&
      corral_childless(spared(keeper), keeper->plan.scan) == 0)
    begin_collecting(keeper, now_ms);
  if (keeper->collecting) {
    int64_t wait_ms = corral_reap_step(&keeper->reap, reaped, now_ms);
    if (wait_ms >= 0)
      return wait_ms;
    note_collected(keeper, now_ms);
  }
  if (keeper->asked && !holds(keeper, keeper->asked_id))
    send_clean(keeper);
  if (!keeper->again_ms)
    return -1;
  return keeper->again_ms > now_ms ? keeper->again_ms - now_ms : 0;
}

// ---- the end ----

// Nobody is spared any more; what was being collected goes on with that.
static void end_all(struct keeper *keeper) {
  keeper->over = true;
  keeper->again_ms = 0;
  if (keeper->collecting)
    keeper->reap.walk.spare = NULL;
}

// What outlived the last try is tried again.
static void ask(struct keeper *keeper, uint32_t id) {
  keeper->asked = true;
  keeper->asked_id = id;
  keeper->again_ms = 0;
}

static void handle_messages(struct keeper *keeper) {
  struct corral_message message;
  struct corral_fds fds;
  for (int received; (received = poll_receive(&keeper->poll_set, &message, &fds)) != 0;) {
    if (received < 0) {
      // One that has joined a session knows whether it goes on
      keeper->over_ms = keeper->plan.door ? 0 : corral_now_ms() + REAPERS_MS;
      wake_reapers(keeper);
      return;
    }
    if (message.kind == CORRAL_START_REAPER)
      handle_start_reaper(keeper, message.id, &fds);
    else if (message.kind == CORRAL_COLLECT)
      ask(keeper, message.id);
    else if (message.kind == CORRAL_END_ALL)
      end_all(keeper);
    corral_fds_close(&fds);
  }
}

// When the owner is gone: how long the reapers still have.
static int64_t await_reapers(struct keeper *keeper) {
  if (!keeper->over_ms || keeper->over)
    return -1;
  int64_t left_ms = keeper->over_ms - corral_now_ms();
  if (left_ms <= 0)
    end_all(keeper);
  return left_ms > 0 ? left_ms : 0;
}

// Nobody asks for another reaper.
static bool is_done(const struct keeper *keeper) {
  return keeper->over || keeper->over_ms || (keeper->plan.reaper >= 0 && keeper->count == 0);
}

static void supervise(struct keeper *keeper) {
  for (;;) {
    handle_messages(keeper);
    enum corral_reaped reaped = reap_children(keeper);
    bool childless = reaped == CORRAL_CHILDLESS;
    if (is_done(keeper) && (childless || corral_childless(NULL, keeper->plan.scan) == 1)) {
      if (keeper->plan.reaper >= 0)
        send_clean(keeper); // a keeper that is killed says nothing
      _exit(0);
    }
    int64_t reapers_ms = await_reapers(keeper);
    int64_t wait_ms = sooner(collect(keeper, reaped), reapers_ms);
    poll_wait(&keeper->poll_set, reaped == CORRAL_MORE_TO_REAP ? 0 : wait_ms);
  }
}

static void send_ready(struct keeper *keeper) {
  CORRAL_OWNED_FD own = corral_pidfd_open(getpid());
  int proc = corral_childless(NULL, keeper->plan.scan);
  struct corral_message ready = {.kind = CORRAL_KEEPER_READY, .values.keeper_ready.pid = getpid()};
  if (proc < 0) {
    ready.kind = CORRAL_REFUSED;
    ready.error_number = -proc;
    strcpy(ready.error_operation, "list processes");
    strcpy(ready.error_path, "/proc");
  }
  if (!poll_send(&keeper->poll_set, &ready, own) || proc < 0)
    _exit(1);
}

// By the keeper itself, and before it has a reaper: the kernel tells the session who connected.
static int enter_or_exit(const struct keeper_plan *plan) {
  struct corral_peer host = {.pidfd = -1};
  int link = corral_door_enter(plan->door, plan->door_owner, &host);
  corral_close_fd(&host.pidfd);
  if (link >= 0)
    return link;
  struct corral_message refused = {.kind = CORRAL_REFUSED, .error_number = -link, .error_operation = "join"};
  (void)corral_message_send(plan->lifeline, &refused, NULL);
  _exit(1);
}

_Noreturn void run_keeper(const struct keeper_plan *plan) {
  struct keeper keeper = {.plan = *plan};
  corral_make_killable(); // and with it all that is held: what is undumpable cannot do it by itself
  become_undumpable();    // and so are the reapers
  int owner = corral_pidfd_open(plan->owner);
  // Still our parent, so the pidfd is the owner's and nobody's who has its pid now
  if (owner < 0 || getppid() != plan->owner)
    _exit(1);
  // What ends the gateway with all that is below it does not find us there
  if (fork() != 0)
    _exit(0);
  become_subreaper(); // before there is a child
  const int host = plan->door ? enter_or_exit(plan) : -1;
  // While this process still is where the owner is
  const struct reaper_plan only = {.lifeline = plan->reaper,
                                   .owner = owner,
                                   .scan = plan->scan,
                                   .in_place = true,
                                   .host = host,
                                   .words = plan->words};
  if (plan->reaper >= 0 && !start_reaper(&keeper, 0, &only))
    _exit(1);
  poll_set_open(&keeper.poll_set, &(struct poll_set_plan){.name = CORRAL_KEEPER_TITLE,
                                                          .lifeline = plan->lifeline,
                                                          .owner = owner,
                                                          .kept = {host, -1}});
  keeper.owner = keeper.poll_set.of[OWNER].fd;
  send_ready(&keeper);
  supervise(&keeper);
  _exit(1);
}
