#define _GNU_SOURCE
#include "run_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/own.h"

enum { FLAGS, GRACE, DRAIN, KILL, START, LIFE, MEMORY, ROOT, INSTANCE, SHOWN, LEDGER, RECORD, FIELDS };

// Those above stdio, which only the command is to have.
static bool is_further(const struct corral_spawn_plan *spawn, int i) {
  return i > STDERR_FILENO && spawn->stdio[i].kind == CORRAL_STDIO_FD;
}

int run_plan_read(char *block, size_t size, char **words, struct run_plan *plan) {
  extern char **environ;
  const char *field[FIELDS], *at = block, *end = block + size;
  int64_t number[FIELDS];
  if (!size || end[-1])
    return -EINVAL;
  for (size_t i = 0; i < FIELDS; i++, at += strlen(at) + 1) {
    if (at == end)
      return -EINVAL;
    field[i] = at;
    number[i] = strtoll(at, NULL, 10);
  }
  *plan = (struct run_plan){
      .end = {.grace_ms = number[GRACE],
              .drain_ms = number[DRAIN],
              .kill_ms = number[KILL],
              .freeze = strchr(field[FLAGS], 'f')},
      .start_ms = number[START],
      .life_ms = number[LIFE],
      .memory_cap = number[MEMORY],
      .as_status = strchr(field[FLAGS], 's'),
      .sums_up = strchr(field[FLAGS], 'u'),
      .scan = strchr(field[FLAGS], 'p'),
      .root = field[ROOT],
      .instance = field[INSTANCE],
      .shown = field[SHOWN],
      .record = field[RECORD],
      .ledger = {.path = field[LEDGER], .args = strchr(field[FLAGS], 'l'), .writer = "run"},
      .words = words,
      .process_block = at,
      .process_size = (size_t)(end - at),
  };
  plan->end.ledger = *field[LEDGER] ? &plan->ledger : NULL;
  int answer = corral_plan_read(block + (at - block), plan->process_size, environ, words, &plan->process);
  const struct corral_spawn_plan *spawn = &plan->process.spawn;
  for (int i = 0; answer == 0 && i < (int)spawn->stdio_count; i++)
    if (is_further(spawn, i))
      fcntl(spawn->stdio[i].fd, F_SETFD, FD_CLOEXEC);
  return answer;
}

int run_plan_receive(int pipe, char **words, struct run_plan *plan) {
  CORRAL_OWNED_FD from = pipe;
  char *block = NULL, part[4096];
  size_t size;
  ssize_t length;
  FILE *all = open_memstream(&block, &size);
  if (!all)
    return -errno;
  while ((length = read(from, part, sizeof part)) > 0)
    (void)fwrite(part, 1, (size_t)length, all);
  const int refused = length < 0 ? errno : 0;
  if (fclose(all) != 0)
    return -ENOMEM;
  return refused ? -refused : run_plan_read(block, size, words, plan);
}

void run_plan_drop_descriptors(const struct run_plan *plan) {
  const struct corral_spawn_plan *spawn = &plan->process.spawn;
  for (int i = 0; i < (int)spawn->stdio_count; i++)
    if (is_further(spawn, i))
      close(spawn->stdio[i].fd);
}
