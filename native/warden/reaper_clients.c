#define _GNU_SOURCE
#include "reaper_clients.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../core/descendants.h"
#include "../core/language.h"
#include "../core/own.h"
#include "../core/peer.h"
#include "../core/pidfd.h"
#include "wait.h"

// How long who joins a session waits to be let in.
#define JOIN_MS 10000
// The longest that a visitor can have an end take: as long as setTimeout() can wait.
#define VISITORS_MS INT_MAX
#define DEEPEST 4096 // more generations than a session has

void send_to(int socket, const struct corral_message *message, int fd) {
  const struct corral_fds fds = {.fds = {fd}, .count = fd >= 0};
  if (socket >= 0) // who does not read what it asked for goes without
    (void)corral_message_send(socket, message, &fds);
}

// ---- clients ----

void open_door(struct reaper *reaper) {
  struct corral_message door = {.kind = CORRAL_DOOR};
  if (!clients_open(&reaper->clients, &door.values.door.high, &door.values.door.low))
    door.values.door.high = door.values.door.low = 0;
  reaper->poll_set.of[CLIENTS].fd = reaper->clients.any;
  (void)poll_send(&reaper->poll_set, &door, -1);
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

void end_clients(struct reaper *reaper, const struct corral_end_plan *plan, int64_t now_ms) {
  const struct corral_message end = corral_end_message(plan);
  for (size_t i = 0; i < reaper->clients.count; i++)
    if (reaper->clients.list[i].id)
      send_to(reaper->clients.list[i].fd, &end, -1);
  reaper->clients_ms = now_ms + plan->drain_ms + plan->grace_ms + plan->kill_ms;
}

void add_clients_end(struct reaper *reaper, struct corral_message *message) {
  add(message, &reaper->sum, 0);
  reaper->sum = (struct corral_message){0};
  for (size_t i = 0; i < reaper->clients.count; i++) {
    const struct client *client = &reaper->clients.list[i];
    if (client->id && message->left_count < CORRAL_MESSAGE_LEFT)
      message->left[message->left_count++] = client->pid;
  }
}

void send_end_to_clients(const struct reaper *reaper, const struct corral_message *ended) {
  send_to(reaper->host, ended, -1);
  for (size_t i = 0; i < reaper->clients.count; i++)
    if (reaper->clients.list[i].awaits_end)
      send_to(reaper->clients.list[i].fd, ended, -1);
}

// The reaper that is said to join, where it is a child of the keeper that connected for it; else that process
// itself. Whatever is said so, only what is below the process that connected becomes the session's.
static pid_t joining(pid_t connected, int64_t said) {
  struct corral_process process;
  bool child = said > 0 && said <= INT_MAX && corral_process_read((pid_t)said, &process) && process.lives &&
               process.parent == connected;
  return child ? (pid_t)said : connected;
}

static void handle_join(struct reaper *reaper, struct client *client, const struct corral_message *message) {
  struct corral_peer peer;
  if (client->id || reaper->closed)
    return; // it is let out, and that says so
  if (clients_joined(&reaper->clients) >= CLIENTS_JOINED) {
    send_to(client->fd, &(struct corral_message){.kind = CORRAL_REFUSED, .error_number = EUSERS}, -1);
    return;
  }
  if (corral_peer_of(client->fd, &peer) < 0)
    return;
  CORRAL_OWNED_FD keeper = peer.pidfd;
  const pid_t pid = joining(peer.pid, message->values.join.pid);
  // It lives, so what was read of its pid was read of it
  if (peer.pid <= 0 || keeper < 0 || corral_pidfd_signal(keeper, 0) == -ESRCH)
    return;
  client->id = ++reaper->clients.last_id;
  client->pid = pid;
  send_to(client->fd, &(struct corral_message){.kind = CORRAL_JOINED, .id = CORRAL_PROTOCOL}, -1);
  const struct corral_message entered = {.kind = CORRAL_ENTERED, .id = client->id, .values.entered.pid = pid};
  (void)poll_send(&reaper->poll_set, &entered, keeper);
}

static void handle_leave(struct reaper *reaper, struct client *client) {
  if (client->id && !client->left)
    (void)poll_send(&reaper->poll_set, &(struct corral_message){.kind = CORRAL_LEFT, .id = client->id}, -1);
  client->left = true;
}

static int64_t bounded(int64_t ms) {
  return ms < 0 ? 0 : ms > VISITORS_MS ? VISITORS_MS : ms;
}

static void handle_visitors_end(struct reaper *reaper, struct client *client,
                                const struct corral_message *message, struct corral_end_plan *plan) {
  client->awaits_end = true;
  (void)poll_send(&reaper->poll_set, &(struct corral_message){.kind = CORRAL_END_REQUESTED}, -1);
  *plan = (struct corral_end_plan){.grace_ms = bounded(message->values.end.grace_ms),
                                   .kill_ms = bounded(message->values.end.kill_ms)};
}

static void show(const struct reaper *reaper, const struct client *client) {
  struct corral_message shown = {.kind = CORRAL_SHOWN, .id = CORRAL_PROTOCOL};
  for (size_t i = 0; i < reaper->clients.count && shown.left_count < CORRAL_MESSAGE_LEFT; i++)
    if (reaper->clients.list[i].id)
      shown.left[shown.left_count++] = reaper->clients.list[i].pid;
  send_to(client->fd, &shown, reaper->labels);
}

static bool is_spoken(const struct corral_message *message) {
  const bool asks =
      message->kind == CORRAL_SHOW || message->kind == CORRAL_END || message->kind == CORRAL_JOIN;
  return !asks || message->id <= CORRAL_PROTOCOL;
}

// What becomes of a client by what it says: it stays, has to leave, or has all ended.
enum outcome { STAYS, LEAVES, ENDS };

static enum outcome handle_client_message(struct reaper *reaper, struct client *client,
                                          const struct corral_message *message,
                                          struct corral_end_plan *plan) {
  if (!is_spoken(message)) {
    const struct corral_message refused = {
        .kind = CORRAL_REFUSED, .id = CORRAL_PROTOCOL, .error_number = EPROTONOSUPPORT};
    send_to(client->fd, &refused, -1);
    return LEAVES;
  }
  if (message->kind == CORRAL_END && !client->id) {
    handle_visitors_end(reaper, client, message, plan);
    return ENDS;
  }
  if (message->kind == CORRAL_JOIN) {
    handle_join(reaper, client, message);
    return client->id ? STAYS : LEAVES;
  }
  if (message->kind == CORRAL_SHOW)
    show(reaper, client);
  else if (message->kind == CORRAL_LEFT)
    handle_leave(reaper, client);
  else if (message->kind == CORRAL_ENDED && client->id)
    add(&reaper->sum, message, client->pid);
  return STAYS;
}

static enum outcome receive_from_client(struct reaper *reaper, struct client *client,
                                        struct corral_end_plan *plan) {
  struct corral_message message;
  struct corral_fds fds;
  int answer;
  while ((answer = corral_message_receive(client->fd, &message, &fds)) == 1) {
    corral_fds_close(&fds); // nothing that a client sends is of use
    enum outcome outcome = handle_client_message(reaper, client, &message, plan);
    if (outcome != STAYS)
      return outcome;
  }
  return answer == -EAGAIN ? STAYS : LEAVES;
}

bool receive_from_clients(struct reaper *reaper, struct corral_end_plan *plan) {
  clients_accept(&reaper->clients);
  for (size_t i = 0; i < reaper->clients.count;) {
    struct client *client = &reaper->clients.list[i];
    enum outcome outcome = receive_from_client(reaper, client, plan);
    if (outcome == ENDS)
      return true;
    i += outcome == STAYS;
    if (outcome == STAYS)
      continue;
    handle_leave(reaper, client); // one that was killed has not said so
    if (client->id)
      (void)poll_send(&reaper->poll_set, &(struct corral_message){.kind = CORRAL_OUT, .id = client->id}, -1);
    clients_drop(&reaper->clients, client);
  }
  return false;
}

// ---- the session that this one has joined ----

static void lose_host(struct reaper *reaper, struct corral_end_plan *plan) {
  reaper->orphaned = true; // nobody says when to try again
  corral_drop_fd(&reaper->host);
  *plan = orphaned;
}

bool receive_from_host(struct reaper *reaper, struct corral_end_plan *plan) {
  struct corral_message message;
  struct corral_fds fds;
  if (reaper->host < 0)
    return false;
  int answer;
  while ((answer = corral_message_receive(reaper->host, &message, &fds)) == 1) {
    corral_fds_close(&fds);
    if (message.kind != CORRAL_END)
      continue;
    // One that is stopped would not see that its command is ended
    (void)corral_pidfd_signal(reaper->poll_set.of[OWNER].fd, SIGCONT);
    *plan = corral_end_plan_of(&message);
    return true;
  }
  if (answer == -EAGAIN)
    return false;
  lose_host(reaper, plan);
  return true;
}

// 0, or -errno; `protocol` takes the other side's.
static int join(struct reaper *reaper, uint32_t *protocol) {
  CORRAL_OWNED_FD keeper = corral_pidfd_open(getppid());
  if (keeper < 0)
    return keeper;
  send_to(reaper->host,
          &(struct corral_message){.kind = CORRAL_JOIN, .id = CORRAL_PROTOCOL, .values.join.pid = getpid()},
          keeper);
  struct corral_message message;
  struct corral_fds fds;
  if (!corral_readable(reaper->host, JOIN_MS))
    return -ETIMEDOUT;
  int answer = corral_message_receive(reaper->host, &message, &fds);
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
void join_or_exit(struct reaper *reaper) {
  reaper->host = KEPT_FD;
  (void)fcntl(KEPT_FD, F_SETFL, O_NONBLOCK);
  reaper->poll_set.of[CLIENTS].fd = KEPT_FD;
  uint32_t protocol = 0;
  int answer = join(reaper, &protocol);
  if (answer == 0)
    return;
  struct corral_message refused = {.kind = CORRAL_REFUSED, .error_number = -answer};
  strcpy(refused.error_operation, "join");
  if (answer == -EPROTONOSUPPORT)
    snprintf(refused.error_path, sizeof refused.error_path, "%u", protocol);
  (void)poll_send(&reaper->poll_set, &refused, -1);
  _exit(1);
}
