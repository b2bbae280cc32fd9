#define _GNU_SOURCE
#include "calm.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "descendants.h"
#include "own.h"

// Processes that one step looks at: about a millisecond of work.
#define SLICE 64
// So many may come in all: a shell can still be starting the pipeline that it left. A fork bomb gets no time.
#define MAY_COME 16

// Where the kernel has who sleeps while there is no room in a pipe or a UNIX socket, proc_pid_wchan(5).
static const char *const waits_for_room[] = {"pipe_write", "alloc_send", "wait_for_wmem"};

static size_t read_file(const char *path, char *text, size_t size) {
  CORRAL_OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? 0 : read(fd, text, size - 1);
  text[length > 0 ? length : 0] = '\0';
  return length > 0 ? (size_t)length : 0;
}

static const char *field(const char *status, const char *name) {
  const char *line = strstr(status, name);
  return line ? line + strlen(name) : "";
}

static bool is_writing(const char *directory) {
  char path[64], where[128];
  snprintf(path, sizeof path, "%s/wchan", directory);
  read_file(path, where, sizeof where);
  for (size_t i = 0; i < sizeof waits_for_room / sizeof *waits_for_room; i++)
    if (strstr(where, waits_for_room[i]))
      return true;
  return false;
}

// One thread, proc_pid_status(5). Gives how many its process has; 0 where it is gone.
static unsigned long look_at(struct corral_calm *calm, const char *directory) {
  char path[64], status[4096];
  snprintf(path, sizeof path, "%s/status", directory);
  if (!read_file(path, status, sizeof status))
    return 0;
  const char state = *field(status, "\nState:\t");
  calm->busy = calm->busy || state == 'R' || state == 'D';
  // At the first look it says nothing yet
  calm->busy = calm->busy || (calm->looked && state == 'S' && is_writing(directory));
  calm->threads++;
  calm->switches += strtoull(field(status, "\nvoluntary_ctxt_switches:"), NULL, 10);
  calm->switches += strtoull(field(status, "\nnonvoluntary_ctxt_switches:"), NULL, 10);
  return strtoul(field(status, "\nThreads:"), NULL, 10);
}

struct threads {
  struct corral_calm *calm;
  pid_t process;
};

static int look_at_thread(void *context, pid_t thread) {
  const struct threads *threads = context;
  char directory[48];
  snprintf(directory, sizeof directory, "/proc/%d/task/%d", threads->process, thread);
  if (thread != threads->process)
    (void)look_at(threads->calm, directory);
  return 0;
}

static void look_at_process(struct corral_calm *calm, pid_t pid) {
  char directory[32];
  snprintf(directory, sizeof directory, "/proc/%d", pid);
  if (look_at(calm, directory) < 2)
    return;
  char tasks[40];
  snprintf(tasks, sizeof tasks, "%s/task", directory);
  (void)corral_each_number(tasks, look_at_thread, &(struct threads){.calm = calm, .process = pid});
}

void corral_calm_begin(struct corral_calm *calm, struct corral_members *members) {
  struct corral_members spare = calm->before;
  calm->before = calm->now;
  calm->now = *members;
  *members = spare;
  corral_members_clear(members);
  calm->looking = true;
  calm->next = 0;
  calm->busy = false;
  calm->threads_before = calm->threads;
  calm->switches_before = calm->switches;
  calm->came_before = calm->came;
  calm->threads = calm->switches = 0;
}

static bool grows(struct corral_calm *calm) {
  for (size_t i = 0; i < calm->now.count; i++)
    calm->came += !corral_members_has(&calm->before, calm->now.pids[i]);
  return calm->came > MAY_COME;
}

enum corral_calm_answer corral_calm_step(struct corral_calm *calm) {
  if (calm->looked && calm->next == 0 && grows(calm))
    return CORRAL_CALM_GROWS;
  for (size_t end = calm->next + SLICE; calm->next < calm->now.count; calm->next++) {
    if (calm->next == end)
      return CORRAL_CALM_MORE;
    look_at_process(calm, calm->now.pids[calm->next]);
  }
  const bool same = calm->came == calm->came_before && calm->now.count == calm->before.count &&
                    calm->threads == calm->threads_before && calm->switches == calm->switches_before;
  const bool still = calm->looked && !calm->busy && same;
  calm->looking = false;
  calm->looked = true;
  return still ? CORRAL_CALM_STILL : CORRAL_CALM_BUSY;
}

void corral_calm_free(struct corral_calm *calm) {
  corral_members_free(&calm->now);
  corral_members_free(&calm->before);
}
