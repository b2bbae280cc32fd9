#define _GNU_SOURCE
#include "subreaper_client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/message.h"
#include "../core/own.h"
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

// A text goes before the descriptors.
static int send_text(const struct subreaper_client *held, const struct corral_message *message,
                     const char *text, size_t size, struct corral_fds *fds) {
  CORRAL_OWNED_FD file = corral_text_file(text, size);
  fds->fds[0] = file;
  return file < 0 ? file : corral_message_send(held->reaper, message, fds);
}

int subreaper_client_label(const struct subreaper_client *held, const char *text) {
  return send_text(held, &(struct corral_message){.kind = CORRAL_LABELS}, text, strlen(text),
                   &(struct corral_fds){.count = 1});
}

int subreaper_client_record(const struct subreaper_client *held, const char *words) {
  if (!words)
    return corral_message_send(held->reaper, &(struct corral_message){.kind = CORRAL_RECORDED}, NULL);
  return send_text(held, &(struct corral_message){.kind = CORRAL_RECORD}, words, strlen(words),
                   &(struct corral_fds){.count = 1});
}

int subreaper_client_spawn(const struct subreaper_client *held, uint32_t id, const struct run_plan *plan) {
  const struct corral_spawn_plan *spawn = &plan->process.spawn;
  struct corral_fds fds = {.count = 1};
  for (size_t i = 0; i < spawn->stdio_count; i++)
    if (spawn->stdio[i].kind == CORRAL_STDIO_FD && fds.count < CORRAL_MESSAGE_FDS)
      fds.fds[fds.count++] = spawn->stdio[i].fd;
  return send_text(held, &(struct corral_message){.kind = CORRAL_SPAWN, .id = id}, plan->process_block,
                   plan->process_size, &fds);
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
