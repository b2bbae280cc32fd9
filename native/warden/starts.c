#define _GNU_SOURCE
#include "starts.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/grow.h"
#include "../core/own.h"
#include "../core/pidfd.h"
#include "../core/plan.h"
#include "../core/start.h"

// All that a start needs, up to its exec.
struct starting {
  struct starting *next;
  uint32_t id;
  char *block; // mapped
  size_t size;
  struct corral_plan plan;
  struct corral_fds fds;
  struct corral_start start;
};

static void refuse(struct reaper *reaper, uint32_t id, const struct corral_error *error) {
  struct corral_message message = {.kind = CORRAL_REFUSED, .id = id, .error_number = error->number};
  strncpy(message.error_operation, error->operation, sizeof message.error_operation - 1);
  memcpy(message.error_path, error->path, sizeof message.error_path);
  (void)poll_send(&reaper->poll_set, &message, -1);
}

static bool make_room(struct reaper *reaper) {
  return corral_grow(&reaper->started, &reaper->capacity, reaper->count + 1, sizeof *reaper->started);
}

// The descriptors that the plan calls the caller's are, in this order, those behind it.
static bool assign_descriptors(struct corral_spawn_plan *spawn, const struct corral_fds *fds) {
  size_t next = 1;
  for (size_t i = 0; i < spawn->stdio_count; i++) {
    if (spawn->stdio[i].kind == CORRAL_STDIO_IGNORE || spawn->stdio[i].kind == CORRAL_STDIO_NONE)
      continue;
    if (next == fds->count)
      return false;
    spawn->stdio[i] = (struct corral_stdio){CORRAL_STDIO_FD, fds->fds[next++]};
  }
  return true;
}

// The plan is the first descriptor's file: it may be larger than a message. NULL, with errno.
static char *map_plan(const struct corral_fds *fds, size_t *size) {
  struct stat file;
  if (fds->count == 0 || fstat(fds->fds[0], &file) < 0)
    return NULL;
  *size = (size_t)file.st_size;
  void *block = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fds->fds[0], 0);
  return block == MAP_FAILED ? NULL : block;
}

static void forget(struct starting *starting) {
  corral_plan_free(&starting->plan);
  corral_fds_close(&starting->fds);
  if (starting->block)
    munmap(starting->block, starting->size);
  free(starting);
}

static int begin(struct reaper *reaper, struct starting *starting, struct corral_error *error) {
  extern char **environ; // what `corral run` asks for has that of its owner, which is ours
  int none[CORRAL_MAX_STDIO];
  starting->block = map_plan(&starting->fds, &starting->size);
  if (!starting->block)
    return corral_fail(error, EINVAL, "read plan", "");
  int answer = corral_plan_read(starting->block, starting->size, environ, reaper->words, &starting->plan);
  if (answer < 0)
    return corral_fail(error, -answer, "read plan", "");
  const struct corral_spawn_plan *spawn = &starting->plan.spawn;
  if (!assign_descriptors(&starting->plan.spawn, &starting->fds))
    return corral_fail(error, EINVAL, "stdio", spawn->command);
  if (reaper->ending)
    return corral_fail(error, ECANCELED, "spawn into a session that is ended", spawn->command);
  return make_room(reaper) ? corral_start_begin(&starting->start, spawn, none, error)
                           : corral_fail(error, ENOMEM, "spawn", spawn->command);
}

// One start is listened to by itself; several, which is rare, by an epoll descriptor.
static void listen_to_all(struct reaper *reaper) {
  int *slot = &reaper->poll_set.of[STARTS].fd;
  *slot = reaper->starting ? reaper->starting->start.done_fd : -1;
  if (!reaper->starting || !reaper->starting->next)
    return;
  if (reaper->starts < 0)
    reaper->starts = epoll_create1(EPOLL_CLOEXEC);
  if (reaper->starts < 0)
    return; // the end of the first tells, and that of each process
  *slot = reaper->starts;
  struct epoll_event over = {.events = EPOLLIN};
  for (const struct starting *one = reaper->starting; one; one = one->next)
    (void)epoll_ctl(reaper->starts, EPOLL_CTL_ADD, one->start.done_fd, &over); // EEXIST
}

void handle_spawn(struct reaper *reaper, uint32_t id, struct corral_fds *fds) {
  struct corral_error error = {0};
  struct starting *starting = calloc(1, sizeof *starting);
  if (!starting) {
    corral_fail(&error, ENOMEM, "spawn", "");
    refuse(reaper, id, &error);
    return;
  }
  starting->id = id;
  starting->fds = *fds;
  fds->count = 0;
  if (begin(reaper, starting, &error) < 0) {
    refuse(reaper, id, &error);
    forget(starting);
    return;
  }
  starting->next = reaper->starting;
  reaper->starting = starting;
  listen_to_all(reaper);
}

static struct starting *remove_start(struct reaper *reaper, struct starting **at) {
  struct starting *starting = *at;
  *at = starting->next;
  listen_to_all(reaper);
  return starting;
}

static void conclude(struct reaper *reaper, struct starting *starting) {
  struct corral_error error = {0};
  int answer = corral_start_finish(&starting->start, &error);
  if (answer == 0 && !make_room(reaper))
    answer = corral_fail(&error, ENOMEM, "spawn", "");
  if (answer < 0)
    refuse(reaper, starting->id, &error);
  else {
    struct corral_spawned *spawned = &starting->start.spawned;
    reaper->started[reaper->count++] = (struct started){starting->id, spawned->pid};
    const struct corral_message message = {
        .kind = CORRAL_STARTED, .id = starting->id, .values.started.pid = spawned->pid};
    (void)poll_send(&reaper->poll_set, &message, spawned->pidfd);
    close(spawned->pidfd);
  }
  forget(starting);
}

void finish_starts(struct reaper *reaper) {
  for (struct starting **at = &reaper->starting; *at;) {
    if (corral_readable((*at)->start.done_fd, 0))
      conclude(reaper, remove_start(reaper, at));
    else
      at = &(*at)->next;
  }
}

void finish_start_of(struct reaper *reaper, pid_t pid) {
  for (struct starting **at = &reaper->starting; *at; at = &(*at)->next) {
    if ((*at)->start.spawned.pid != pid)
      continue;
    conclude(reaper, remove_start(reaper, at));
    return;
  }
}

void cancel_start(struct reaper *reaper, uint32_t id, int number) {
  for (struct starting **at = &reaper->starting; *at; at = &(*at)->next) {
    if ((*at)->id != id)
      continue;
    struct starting *starting = remove_start(reaper, at);
    struct corral_error error;
    corral_start_abandon(&starting->start, number, &error);
    refuse(reaper, id, &error);
    forget(starting);
    return;
  }
}
