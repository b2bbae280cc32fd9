#define _GNU_SOURCE
#include "hold_guests.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../core/descendants.h"
#include "../core/own.h"
#include "../core/peer.h"
#include "../core/pidfd.h"
#include "../core/protocol.h"
#include "wait.h"

// How long who joins a session waits to be let in.
#define JOIN_MS 10000
// The longest that a visitor can have an end take: as long as setTimeout() can wait.
#define VISITORS_MS INT_MAX
#define DEEPEST 4096 // more generations than a session has

void say(int socket, const struct corral_message *message, int fd) {
  const struct corral_fds fds = {.fds = {fd}, .count = fd >= 0};
  if (socket >= 0) // who does not read what it asked for goes without
    (void)corral_message_send(socket, message, &fds);
}

// ---- guests ----

void open_door(struct holder *holder) {
  struct corral_message door = {.kind = CORRAL_DOOR};
  if (!guests_open(&holder->guests, &door.number, &door.second))
    door.number = door.second = 0;
  holder->ears.of[GUESTS].fd = holder->guests.any;
  (void)ears_say(&holder->ears, &door, -1);
}

static bool is_below(pid_t pid, pid_t top) {
  struct corral_process process;
  for (int steps = 0; pid > 1 && steps < DEEPEST; steps++) {
    if (pid == top)
      return true;
    if (!corral_process_read(pid, &process))
      return false;
    pid = process.parent;
  }
  return false;
}

// Adds what a part of the session has come to. `below`: who says so; of pids only those below it are
// believed. 0: whatever is said.
static void add(struct corral_message *sum, const struct corral_message *part, pid_t below) {
  sum->killed += part->killed;
  sum->cpu_user_us += part->cpu_user_us;
  sum->cpu_system_us += part->cpu_system_us;
  for (uint32_t i = 0; i < part->name_count && sum->name_count < CORRAL_NAMES; i++)
    memcpy(sum->names[sum->name_count++], part->names[i], CORRAL_NAME_BYTES);
  for (uint32_t i = 0; i < part->left_count && sum->left_count < CORRAL_MESSAGE_LEFT; i++)
    if (!below || is_below(part->left[i], below))
      sum->left[sum->left_count++] = part->left[i];
}

void end_guests(struct holder *holder, const struct corral_end_plan *plan, int64_t now_ms) {
  const struct corral_message end = corral_end_message(plan);
  for (size_t i = 0; i < holder->guests.count; i++)
    if (holder->guests.list[i].id)
      say(holder->guests.list[i].fd, &end, -1);
  holder->guests_ms = now_ms + plan->drain_ms + plan->grace_ms + plan->kill_ms;
}

void add_guests_end(struct holder *holder, struct corral_message *message) {
  add(message, &holder->sum, 0);
  holder->sum = (struct corral_message){0};
  for (size_t i = 0; i < holder->guests.count; i++) {
    const struct guest *guest = &holder->guests.list[i];
    if (guest->id && message->left_count < CORRAL_MESSAGE_LEFT)
      message->left[message->left_count++] = guest->pid;
  }
}

void tell_guests(const struct holder *holder, const struct corral_message *ended) {
  say(holder->host, ended, -1);
  for (size_t i = 0; i < holder->guests.count; i++)
    if (holder->guests.list[i].awaits_end)
      say(holder->guests.list[i].fd, ended, -1);
}

// The holder that is said to join, where it is a child of the keeper that connected for it; else that process
// itself. Whatever is said so, only what is below the process that connected becomes the session's.
static pid_t joining(pid_t connected, int64_t said) {
  struct corral_process process;
  bool child = said > 0 && said <= INT_MAX && corral_process_read((pid_t)said, &process) && process.lives &&
               process.parent == connected;
  return child ? (pid_t)said : connected;
}

static void take_join(struct holder *holder, struct guest *guest, const struct corral_message *message) {
  struct corral_peer peer;
  if (guest->id || holder->closed)
    return; // it is let out, and that says so
  if (guests_joined(&holder->guests) >= GUESTS_JOINED) {
    say(guest->fd, &(struct corral_message){.kind = CORRAL_REFUSED, .error_number = EUSERS}, -1);
    return;
  }
  if (corral_peer_of(guest->fd, &peer) < 0)
    return;
  CORRAL_OWNED_FD keeper = peer.pidfd;
  const pid_t pid = joining(peer.pid, message->number);
  // It lives, so what was read of its pid was read of it
  if (peer.pid <= 0 || keeper < 0 || corral_pidfd_signal(keeper, 0) == -ESRCH)
    return;
  guest->id = ++holder->guests.last_id;
  guest->pid = pid;
  say(guest->fd, &(struct corral_message){.kind = CORRAL_JOINED, .id = CORRAL_PROTOCOL}, -1);
  const struct corral_message entered = {.kind = CORRAL_ENTERED, .id = guest->id, .number = pid};
  (void)ears_say(&holder->ears, &entered, keeper);
}

static void take_leave(struct holder *holder, struct guest *guest) {
  if (guest->id && !guest->left)
    (void)ears_say(&holder->ears, &(struct corral_message){.kind = CORRAL_LEFT, .id = guest->id}, -1);
  guest->left = true;
}

static int64_t bounded(int64_t ms) {
  return ms < 0 ? 0 : ms > VISITORS_MS ? VISITORS_MS : ms;
}

static void take_visitors_end(struct holder *holder, struct guest *guest,
                              const struct corral_message *message) {
  guest->awaits_end = true;
  (void)ears_say(&holder->ears, &(struct corral_message){.kind = CORRAL_TOLD}, -1);
  begin_end(holder, &(struct corral_end_plan){.grace_ms = bounded(message->number),
                                              .kill_ms = bounded(message->second)});
}

static void show(const struct holder *holder, const struct guest *guest) {
  struct corral_message shown = {.kind = CORRAL_SHOWN, .id = CORRAL_PROTOCOL};
  for (size_t i = 0; i < holder->guests.count && shown.left_count < CORRAL_MESSAGE_LEFT; i++)
    if (holder->guests.list[i].id)
      shown.left[shown.left_count++] = holder->guests.list[i].pid;
  say(guest->fd, &shown, holder->labels);
}

static bool is_spoken(const struct corral_message *message) {
  const bool asks =
      message->kind == CORRAL_SHOW || message->kind == CORRAL_END || message->kind == CORRAL_JOIN;
  return !asks || message->id <= CORRAL_PROTOCOL;
}

// False when the guest has to leave.
static bool take_guests_word(struct holder *holder, struct guest *guest,
                             const struct corral_message *message) {
  if (!is_spoken(message)) {
    say(guest->fd,
        &(struct corral_message){
            .kind = CORRAL_REFUSED, .id = CORRAL_PROTOCOL, .error_number = EPROTONOSUPPORT},
        -1);
    return false;
  }
  if (message->kind == CORRAL_SHOW)
    show(holder, guest);
  else if (message->kind == CORRAL_END && !guest->id)
    take_visitors_end(holder, guest, message);
  else if (message->kind == CORRAL_LEFT)
    take_leave(holder, guest);
  else if (message->kind == CORRAL_ENDED && guest->id)
    add(&holder->sum, message, guest->pid);
  else if (message->kind == CORRAL_JOIN) {
    take_join(holder, guest, message);
    return guest->id != 0;
  }
  return true;
}

static bool hear_guest(struct holder *holder, struct guest *guest) {
  struct corral_message message;
  struct corral_fds fds;
  int answer;
  bool stays = true;
  while (stays && (answer = corral_message_receive(guest->fd, &message, &fds)) == 1) {
    corral_fds_close(&fds); // nothing that a guest sends is of use
    stays = take_guests_word(holder, guest, &message);
  }
  return stays && answer == -EAGAIN;
}

void hear_guests(struct holder *holder) {
  guests_let_in(&holder->guests);
  for (size_t i = 0; i < holder->guests.count;) {
    struct guest *guest = &holder->guests.list[i];
    if (hear_guest(holder, guest)) {
      i++;
      continue;
    }
    take_leave(holder, guest); // one that was killed has not said so
    if (guest->id)
      (void)ears_say(&holder->ears, &(struct corral_message){.kind = CORRAL_OUT, .id = guest->id}, -1);
    guests_let_out(&holder->guests, guest);
  }
}

// ---- the session that this one has joined ----

static void lose_host(struct holder *holder) {
  holder->orphaned = true; // nobody says when to try again
  corral_drop_fd(&holder->host);
  begin_end(holder, &orphaned);
}

void hear_host(struct holder *holder) {
  struct corral_message message;
  struct corral_fds fds;
  int answer = -EAGAIN;
  while (holder->host >= 0 && (answer = corral_message_receive(holder->host, &message, &fds)) == 1) {
    corral_fds_close(&fds);
    if (message.kind != CORRAL_END)
      continue;
    // One that is stopped would not see that its command is ended
    (void)corral_pidfd_signal(holder->ears.of[OWNER].fd, SIGCONT);
    const struct corral_end_plan plan = corral_end_plan_of(&message);
    begin_end(holder, &plan);
  }
  if (holder->host >= 0 && answer != -EAGAIN)
    lose_host(holder);
}

// 0, or -errno; `protocol` takes the other side's.
static int join(struct holder *holder, uint32_t *protocol) {
  CORRAL_OWNED_FD keeper = corral_pidfd_open(getppid());
  if (keeper < 0)
    return keeper;
  say(holder->host, &(struct corral_message){.kind = CORRAL_JOIN, .id = CORRAL_PROTOCOL, .number = getpid()},
      keeper);
  struct pollfd host = {.fd = holder->host, .events = POLLIN};
  struct corral_message message;
  struct corral_fds fds;
  if (poll(&host, 1, JOIN_MS) == 0)
    return -ETIMEDOUT;
  int answer = corral_message_receive(holder->host, &message, &fds);
  if (answer <= 0)
    return answer < 0 ? answer : -ECONNREFUSED;
  corral_fds_close(&fds);
  *protocol = message.id;
  if (message.kind == CORRAL_JOINED && *protocol > CORRAL_PROTOCOL)
    return -EPROTONOSUPPORT;
  if (message.kind == CORRAL_REFUSED && message.error_number > 0)
    return -message.error_number;
  return message.kind == CORRAL_JOINED ? 0 : -EPROTO;
}

// Nobody visits one that has joined: its session is asked.
void join_or_exit(struct holder *holder) {
  holder->host = KEPT_FD;
  (void)fcntl(KEPT_FD, F_SETFL, O_NONBLOCK);
  holder->ears.of[GUESTS].fd = KEPT_FD;
  uint32_t protocol = 0;
  int answer = join(holder, &protocol);
  if (answer == 0)
    return;
  struct corral_message refused = {.kind = CORRAL_REFUSED, .error_number = -answer};
  strcpy(refused.error_operation, "join");
  if (answer == -EPROTONOSUPPORT)
    snprintf(refused.error_path, sizeof refused.error_path, "%u", protocol);
  (void)ears_say(&holder->ears, &refused, -1);
  _exit(1);
}
