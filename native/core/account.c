#define _GNU_SOURCE
#include "account.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "close_from.h"
#include "memory_v1.h"
#include "own.h"
#include "pidfd.h"

#define PATIENCE_MS 2000 // a line takes 20 us

int corral_account_write_lines(const struct corral_ledger *ledger, const struct corral_json *lines,
                               struct corral_error *error) {
  if (lines->failed)
    return corral_fail(error, ENOMEM, "write", ledger->path);
  if (lines->length == 0)
    return 0;
  const pid_t child = fork();
  if (child < 0)
    return corral_fail(error, errno, "fork", ledger->path);
  if (child == 0) {
    struct corral_error refused = {0};
    close_from(0); // what waits for the end of our output, or for our lock, is not to wait for a ledger
    (void)corral_ledger_append(ledger->path, lines->text, lines->length, &refused);
    _exit(refused.number & 0xff);
  }
  CORRAL_OWNED_FD pidfd = corral_pidfd_open(child);
  struct pollfd ended = {.fd = pidfd, .events = POLLIN};
  int status = 0;
  if (pidfd >= 0 && poll(&ended, 1, PATIENCE_MS) == 0)
    return corral_fail(error, ETIMEDOUT, "write", ledger->path);
  if (waitpid(child, &status, 0) != child)
    return 0; // it was reaped by the kernel: nobody knows
  const int refused = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
  return refused ? corral_fail(error, refused, "write", ledger->path) : 0;
}

int corral_account_write(const struct corral_ledger *ledger, const struct corral_path *sessions,
                         const struct corral_record *known, struct corral_error *error) {
  struct corral_record common = *known;
  struct corral_json lines = {0};
  const char *entry;
  char instance[PATH_MAX], v1_path[PATH_MAX];
  CORRAL_OWNED_FD above = corral_open_parent(sessions, &entry);
  snprintf(instance, sizeof instance, "%s", sessions->path);
  char *last = strrchr(instance, '/');
  if (last)
    *last = '\0';
  const char *name = strrchr(instance, '/');
  CORRAL_OWNED_FD memory = above < 0 ? -1 : corral_memory_v1_path(above, instance, v1_path);
  common.instance = name ? name + 1 : NULL;
  common.writer = ledger->writer;
  common.mechanism = "cgroup";
  (void)corral_record_write_all(&lines, sessions, &common, ledger->args, memory);
  const int answer = corral_account_write_lines(ledger, &lines, error);
  corral_json_free(&lines);
  return answer;
}
