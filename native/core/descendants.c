#define _GNU_SOURCE
#include "descendants.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "grow.h"
#include "own.h"
#include "pidfd.h"

// PF_EXITING of include/linux/sched.h
#define EXITING 0x4

// Each level holds a pidfd. What is deeper is found once those above it are dead: then it comes to us.
#define MAX_DEPTH 256

// ---- one process ----

bool corral_process_read(pid_t pid, struct corral_process *process) {
  char path[32], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  CORRAL_OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (length <= 0)
    return false;
  text[length] = '\0';
  // The name is in parentheses and may hold any byte, `)` included
  const char *name = strchr(text, '('), *after = strrchr(text, ')');
  if (!name || !after)
    return false;
  *process = (struct corral_process){.pid = pid};
  size_t name_length = (size_t)(after - name - 1);
  memcpy(process->name, name + 1,
         name_length < sizeof process->name ? name_length : sizeof process->name - 1);
  char state = after[2];
  char *at = (char *)after + 3;
  int64_t fields[17]; // number 4, the parent, to number 20, the number of threads
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
    fields[i] = strtoll(at, &at, 10);
  const int64_t tick_ms = 1000 / sysconf(_SC_CLK_TCK);
  process->parent = (pid_t)fields[0];
  process->threads = fields[16];
  process->exiting = fields[5] & EXITING;
  process->lives = (state != 'Z' && state != 'X') || fields[16] > 1;
  process->cpu_user_ms = fields[10] * tick_ms;
  process->cpu_system_ms = fields[11] * tick_ms;
  process->reaped_cpu_user_ms = fields[12] * tick_ms;
  process->reaped_cpu_system_ms = fields[13] * tick_ms;
  return true;
}

// ---- all ----

int corral_each_number(const char *path, int (*see)(void *context, pid_t number), void *context) {
  DIR *directory = opendir(path);
  if (!directory)
    return -errno;
  int answer = 0;
  for (const struct dirent *entry; answer == 0 && (entry = readdir(directory));) {
    pid_t number = (pid_t)strtol(entry->d_name, NULL, 10);
    if (number > 0)
      answer = see(context, number);
  }
  closedir(directory);
  return answer;
}

// ---- children ----

// All of /proc, for kernels that do not list children.
struct kin {
  pid_t parent, pid;
};

struct table {
  struct kin *kin;
  size_t count, capacity;
};

static int enter_into(struct table *table, struct kin kin) {
  if (!corral_grow(&table->kin, &table->capacity, table->count + 1, sizeof *table->kin))
    return -ENOMEM;
  table->kin[table->count++] = kin;
  return 0;
}

static int enter_process(void *table, pid_t pid) {
  struct corral_process process;
  return corral_process_read(pid, &process) ? enter_into(table, (struct kin){process.parent, pid}) : 0;
}

static int fill_table(struct table *table) {
  return corral_each_number("/proc", enter_process, table);
}

static int children_in_table(const struct table *table, pid_t parent, struct corral_members *children) {
  int answer = 0;
  for (size_t i = 0; i < table->count && answer == 0; i++)
    if (table->kin[i].parent == parent)
      answer = corral_members_add(children, table->kin[i].pid);
  return answer;
}

// proc_pid_task_children(5): of one thread. A list that changes while it is read can leave some out, unless
// nobody goes from it: only we take from that of our own children.
static int children_of_thread(const char *path, struct corral_members *children) {
  CORRAL_OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return errno == ENOMEM || errno == EMFILE || errno == ENFILE ? -errno : 0;
  char buffer[4096];
  pid_t pid = 0;
  for (ssize_t length; (length = read(fd, buffer, sizeof buffer)) > 0;) {
    for (ssize_t i = 0; i < length; i++) {
      if (buffer[i] >= '0' && buffer[i] <= '9') {
        pid = pid * 10 + (buffer[i] - '0');
        continue;
      }
      int answer = pid ? corral_members_add(children, pid) : 0;
      if (answer < 0)
        return answer;
      pid = 0;
    }
  }
  return 0;
}

static int children_by_thread(pid_t parent, struct corral_members *children) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", parent);
  DIR *directory = opendir(path);
  if (!directory) // gone
    return errno == ENOENT || errno == ESRCH ? 0 : -errno;
  int answer = 0;
  for (const struct dirent *entry; answer == 0 && (entry = readdir(directory));) {
    pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", parent, thread);
    if (thread > 0)
      answer = children_of_thread(path, children);
  }
  closedir(directory);
  return answer;
}

static bool has_lists(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
  return access(path, R_OK) == 0;
}

static int children_of(const struct table *table, pid_t parent, int64_t threads,
                       struct corral_members *children) {
  if (table->kin)
    return children_in_table(table, parent, children);
  if (threads > 1)
    return children_by_thread(parent, children);
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", parent, parent);
  return children_of_thread(path, children);
}

// ---- the walk ----

struct level {
  struct corral_members children;
  size_t next;
  pid_t parent;
  int pidfd; // of the parent; -1: we
};

static void leave(struct level *level) {
  corral_members_free(&level->children);
  corral_drop_fd(&level->pidfd);
}

// The pidfd of a child, once it is certain that it is that: what `stat` tells then is of the process that the
// pidfd is of, or of one that has its number because that one is dead. The same goes for the parent.
static int open_child(const struct level *level, pid_t pid, struct corral_process *process) {
  CORRAL_OWNED_FD pidfd = corral_pidfd_open(pid);
  if (pidfd < 0 || !corral_process_read(pid, process) || process->parent != level->parent)
    return -1;
  if (level->pidfd >= 0 && corral_pidfd_signal(level->pidfd, 0) == -ESRCH)
    return -1;
  return corral_release_fd(&pidfd);
}

// Goes one step: visits the next child of the deepest level, and goes down to its children.
static int step(const struct corral_walk *walk, const struct table *table, struct level *levels,
                size_t *depth) {
  struct level *level = &levels[*depth - 1];
  if (level->next == level->children.count) {
    leave(level);
    --*depth;
    return 0;
  }
  pid_t pid = level->children.pids[level->next++];
  if (*depth == 1 && walk->spare && corral_members_has(walk->spare, pid))
    return 0;
  struct corral_process process;
  CORRAL_OWNED_FD pidfd = open_child(level, pid, &process);
  if (pidfd < 0 || !process.lives)
    return 0;
  walk->visit(walk->context, &process, pidfd);
  if (*depth == MAX_DEPTH)
    return 0;
  struct level below = {.parent = pid, .pidfd = -1};
  int answer = children_of(table, pid, process.threads, &below.children);
  below.pidfd = corral_release_fd(&pidfd);
  levels[(*depth)++] = below;
  return answer;
}

int corral_walk_descendants(const struct corral_walk *walk) {
  struct table table = {0};
  struct level levels[MAX_DEPTH] = {{.parent = getpid(), .pidfd = -1}};
  size_t depth = 1;
  int answer = walk->scan || !has_lists() ? fill_table(&table) : 0;
  if (answer == 0)
    answer = children_of(&table, getpid(), 1, &levels[0].children);
  while (depth > 0 && answer == 0)
    answer = step(walk, &table, levels, &depth);
  while (depth > 0)
    leave(&levels[--depth]);
  free(table.kin);
  return answer;
}

// ---- emptiness ----

static int read_own_children(bool scan, struct corral_members *children) {
  struct table table = {0};
  corral_members_clear(children);
  int answer = scan || !has_lists() ? fill_table(&table) : 0;
  if (answer == 0)
    answer = children_of(&table, getpid(), 1, children);
  free(table.kin);
  return answer;
}

// Only we reap our children, so none of these pids can be anybody else's.
size_t corral_stop_children(const struct corral_members *spare, bool scan) {
  struct corral_members children = {0};
  if (!scan && has_lists() && read_own_children(false, &children) == 0)
    for (size_t i = 0; i < children.count; i++)
      if (!spare || !corral_members_has(spare, children.pids[i]))
        (void)kill(children.pids[i], SIGSTOP);
  size_t count = children.count;
  corral_members_free(&children);
  return count;
}

static bool any_lives(const struct corral_members *children, const struct corral_members *spare) {
  for (size_t i = 0; i < children->count; i++) {
    struct corral_process process;
    bool spared = spare && corral_members_has(spare, children->pids[i]);
    // One that cannot be read is there all the same: only we could have reaped it
    if (!spared && (!corral_process_read(children->pids[i], &process) || process.lives))
      return true;
  }
  return false;
}

// The children of one that dies come to us before it is a zombie. So when all were zombies and the list is
// the same after that, nobody has come.
int corral_childless(const struct corral_members *spare, bool scan) {
  struct corral_members before = {0}, after = {0};
  int answer = read_own_children(scan, &before);
  bool childless = answer == 0 && !any_lives(&before, spare);
  if (childless && before.count > 0) {
    answer = read_own_children(scan, &after);
    for (size_t i = 0; i < after.count; i++)
      childless = childless && corral_members_has(&before, after.pids[i]);
  }
  corral_members_free(&before);
  corral_members_free(&after);
  return answer < 0 ? answer : childless;
}

// ---- from outside ----

int corral_children_of(pid_t parent, int64_t threads, struct corral_members *children) {
  struct table table = {0};
  int answer = has_lists() ? 0 : fill_table(&table);
  if (answer == 0)
    answer = children_of(&table, parent, threads, children);
  free(table.kin);
  return answer;
}

// With hidepid (proc(5)) a reaper cannot be seen by an ordinary user: it is not dumpable. What is below it
// can.
static bool is_seen(pid_t pid) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d", pid);
  return access(path, F_OK) == 0;
}

int corral_descendants_of(pid_t pid, struct corral_members *descendants) {
  struct table table = {0};
  struct corral_members waiting = {0};
  int answer = has_lists() && is_seen(pid) ? 0 : fill_table(&table);
  corral_members_clear(descendants);
  if (answer == 0)
    answer = children_of(&table, pid, INT64_MAX, &waiting);
  while (waiting.count > 0 && answer == 0) {
    struct corral_process process;
    pid_t found = waiting.pids[--waiting.count];
    if (corral_members_has(descendants, found) || !corral_process_read(found, &process) || !process.lives)
      continue;
    answer = corral_members_add(descendants, found);
    if (answer == 0)
      answer = children_of(&table, found, process.threads, &waiting);
  }
  corral_members_free(&waiting);
  free(table.kin);
  return answer;
}
