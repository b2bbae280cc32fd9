#define _GNU_SOURCE
#include "subreaper_client.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/own.h"
#include "../core/own_pid.h"
#include "../core/pidfd.h"
#include "wait.h"

// Three forks and a few system calls; a machine that swaps takes its time.
#define READY_MS 10000

// ---- starting ----

// Takes what the keeper or the reaper says first: that it is there, or why it cannot be. 1 when it did.
static int receive_first(int link, int *pidfd, struct corral_message *first, struct corral_error *error) {
  struct corral_fds fds;
  int answer = corral_message_receive(link, first, &fds);
  if (answer == -EAGAIN)
    return 0;
  if (answer <= 0)
    return corral_fail(error, answer < 0 ? -answer : ECHILD, "start a reaper", "");
  if (first->kind == CORRAL_DOOR)
    return 0;
  if (fds.count == 0)
    return corral_fail(error, first->error_number ? first->error_number : EPROTO,
                       first->kind == CORRAL_REFUSED ? "hold processes" : "start a reaper",
                       first->error_path);
  *pidfd = fds.fds[0];
  return 1;
}

static int await_both(struct subreaper_client *held, struct corral_error *error) {
  struct corral_message keeper, reaper = {0};
  for (int64_t until_ms = corral_now_ms() + READY_MS; held->keeper_pidfd < 0 || held->reaper_pidfd < 0;) {
    struct pollfd links[] = {{.fd = held->keeper_pidfd < 0 ? held->keeper : -1, .events = POLLIN},
                             {.fd = held->reaper_pidfd < 0 ? held->reaper : -1, .events = POLLIN}};
    if (poll(links, 2, (int)until(until_ms)) == 0)
      return corral_fail(error, ETIMEDOUT, "start a reaper", "");
    int answer = 0;
    if (held->keeper_pidfd < 0) // also when only the other is ready: the keeper says why there is no reaper
      answer = receive_first(held->keeper, &held->keeper_pidfd, &keeper, error);
    if (answer >= 0 && links[1].revents)
      answer = receive_first(held->reaper, &held->reaper_pidfd, &reaper, error);
    if (answer < 0)
      return answer;
  }
  held->reaper_pid = (pid_t)reaper.values.reaper_ready.pid;
  held->mark = reaper.values.reaper_ready.mark;
  return 0;
}

static int open_lifeline(int *ours, int *theirs) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
    return -errno;
  *ours = ends[0];
  *theirs = ends[1];
  return 0;
}

static int start_keeper(struct keeper_plan *plan, struct subreaper_client *held) {
  CORRAL_OWNED_FD keepers = -1, reapers = -1;
  int answer = open_lifeline(&held->keeper, &keepers);
  if (answer == 0)
    answer = open_lifeline(&held->reaper, &reapers);
  if (answer < 0)
    return answer;
  plan->lifeline = keepers;
  plan->reaper = reapers;
  plan->owner = getpid();
  pid_t first = fork();
  if (first == 0)
    run_keeper(plan);
  if (first < 0)
    return -errno;
  while (waitpid(first, NULL, 0) < 0 && errno == EINTR) // it forks, and is out of our process tree
    ;
  return 0;
}

int subreaper_client_start(struct keeper_plan plan, struct subreaper_client *held,
                           struct corral_error *error) {
  *held = (struct subreaper_client){.keeper = -1, .reaper = -1, .keeper_pidfd = -1, .reaper_pidfd = -1};
  int answer = start_keeper(&plan, held);
  if (answer < 0)
    corral_fail(error, -answer, "start a keeper", "");
  else
    answer = await_both(held, error);
  if (answer < 0)
    subreaper_client_drop(held);
  return answer;
}

void subreaper_client_drop(struct subreaper_client *held) {
  corral_drop_fd(&held->keeper);
  corral_drop_fd(&held->reaper);
  corral_drop_fd(&held->keeper_pidfd);
  corral_drop_fd(&held->reaper_pidfd);
}

// ---- the command ----

// A list of native/core/plan.h: a count, then so many fields.
static void write_list(FILE *file, char *const *list) {
  size_t count = 0;
  while (list[count])
    count++;
  (void)fprintf(file, "%zu%c", count, '\0');
  for (size_t i = 0; i < count; i++)
    (void)fwrite(list[i], 1, strlen(list[i]) + 1, file);
}

static void write_stdio(FILE *file, const struct corral_stdio *stdio, size_t count) {
  (void)fprintf(file, "%zu%c", count, '\0');
  for (size_t i = 0; i < count; i++)
    (void)(stdio[i].kind == CORRAL_STDIO_FD ? fprintf(file, "%zu%c", i, '\0')
                                            : fprintf(file, "none%c", '\0'));
}

// The fields of native/core/plan.h, with the environment, and nothing of a user, a directory or a group.
static int write_plan(const struct inherited *inherited, const struct corral_stdio *stdio, size_t count,
                      char **command) {
  extern char **environ;
  char attributes[CORRAL_ATTRIBUTES_TEXT], *text = NULL;
  size_t size = 0;
  FILE *file = open_memstream(&text, &size);
  if (!file)
    return -errno;
  corral_attributes_write(&inherited->attributes, attributes);
  (void)fprintf(file, "e:%" PRIu64 ",%" PRIu64 ",%u%s%c%c%c%c%c%c%s%c", inherited->ignored,
                inherited->blocked, corral_own_pids_in(environ), attributes, 0, 0, 0, 0, 0, 0, command[0], 0);
  write_list(file, command);
  write_stdio(file, stdio, count);
  write_list(file, environ);
  const bool whole = !ferror(file);
  const int plan = fclose(file) != 0 || !whole ? -ENOMEM : corral_memory_file("corral-plan", text, size);
  free(text);
  return plan;
}

int subreaper_client_label(const struct subreaper_client *held, const char *text) {
  CORRAL_OWNED_FD labels = corral_text_file(text, strlen(text));
  if (labels < 0)
    return labels;
  const struct corral_message message = {.kind = CORRAL_LABELS};
  return corral_message_send(held->reaper, &message, &(struct corral_fds){.fds = {labels}, .count = 1});
}

int subreaper_client_record(const struct subreaper_client *held, const char *words) {
  if (!words)
    return corral_message_send(held->reaper, &(struct corral_message){.kind = CORRAL_RECORDED}, NULL);
  CORRAL_OWNED_FD record = corral_text_file(words, strlen(words));
  if (record < 0)
    return record;
  const struct corral_message message = {.kind = CORRAL_RECORD};
  return corral_message_send(held->reaper, &message, &(struct corral_fds){.fds = {record}, .count = 1});
}

int subreaper_client_spawn(const struct subreaper_client *held, uint32_t id,
                           const struct inherited *inherited, char **command) {
  struct corral_stdio stdio[CORRAL_MAX_STDIO];
  const size_t count = inherited_stdio(inherited, stdio);
  CORRAL_OWNED_FD plan = write_plan(inherited, stdio, count, command);
  if (plan < 0)
    return plan;
  const struct corral_message message = {.kind = CORRAL_SPAWN, .id = id};
  struct corral_fds fds = {.fds = {plan}, .count = 1};
  for (size_t i = 0; i < count; i++)
    if (stdio[i].kind == CORRAL_STDIO_FD)
      fds.fds[fds.count++] = stdio[i].fd;
  return corral_message_send(held->reaper, &message, &fds);
}

void subreaper_client_cancel(const struct subreaper_client *held, uint32_t id) {
  const struct corral_message message = {.kind = CORRAL_CANCEL, .id = id, .values.cancel.error = ETIMEDOUT};
  (void)corral_message_send(held->reaper, &message, NULL);
}

void subreaper_client_end(const struct subreaper_client *held, const struct corral_end_plan *plan) {
  const struct corral_message message = corral_end_message(plan);
  (void)corral_pidfd_signal(held->reaper_pidfd, SIGCONT); // one that was stopped would not hear it
  (void)corral_message_send(held->reaper, &message, NULL);
}
