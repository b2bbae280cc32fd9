#define _GNU_SOURCE
#include "members.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "grow.h"
#include "own.h"
#include "pidfd.h"
#include "tree.h"

// How many pidfds are held at a time.
#define BATCH 128
// What is left free of them where there are not so many: reading the list again takes a few.
#define FOR_LOOKING 3

static bool is_shortage(int answer) {
  return answer == -ENOMEM || answer == -EMFILE || answer == -ENFILE;
}

static int append(struct corral_members *members, pid_t pid) {
  if (!corral_grow(&members->pids, &members->capacity, members->count + 1, sizeof *members->pids))
    return -ENOMEM;
  members->pids[members->count++] = pid;
  return 0;
}

static int compare(const void *a, const void *b) {
  pid_t left = *(const pid_t *)a, right = *(const pid_t *)b;
  return (left > right) - (left < right);
}

// cgroup.procs is neither sorted nor free of repetitions.
void corral_members_sort(struct corral_members *members) {
  if (members->count < 2)
    return;
  qsort(members->pids, members->count, sizeof *members->pids, compare);
  size_t kept = 1;
  for (size_t i = 1; i < members->count; i++)
    if (members->pids[i] != members->pids[kept - 1])
      members->pids[kept++] = members->pids[i];
  members->count = kept;
}

// The process that a thread belongs to, proc_pid_status(5); 0 where it has ended.
static pid_t process_of(pid_t thread) {
  char path[32], text[1024];
  snprintf(path, sizeof path, "/proc/%d/status", thread);
  CORRAL_OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  text[length > 0 ? length : 0] = '\0';
  const char *line = strstr(text, "\nTgid:");
  return line ? (pid_t)strtol(line + strlen("\nTgid:"), NULL, 10) : 0;
}

static int note(struct corral_members *members, pid_t listed, bool threads) {
  if (listed == 0) {
    members->unreachable = true;
    return 0;
  }
  const pid_t pid = threads ? process_of(listed) : listed;
  return pid > 0 ? append(members, pid) : 0;
}

// The decimal numbers of a file, one a line. 0, or -errno: a threaded group has no cgroup.procs (EOPNOTSUPP),
// one that is going has nothing (ENODEV).
static int append_listed(int group_fd, const char *file, bool threads, struct corral_members *members) {
  CORRAL_OWNED_FD fd = corral_open_below(group_fd, file, O_RDONLY);
  if (fd < 0)
    return -errno;
  char buffer[8192];
  ssize_t length;
  pid_t pid = 0;
  bool digits = false;
  while ((length = read(fd, buffer, sizeof buffer)) > 0) {
    for (ssize_t i = 0; i < length; i++) {
      if (buffer[i] >= '0' && buffer[i] <= '9') {
        pid = pid * 10 + (buffer[i] - '0');
        digits = true;
        continue;
      }
      if (digits && note(members, pid, threads) < 0)
        return -ENOMEM;
      pid = 0;
      digits = false;
    }
  }
  return length < 0 ? -errno : 0;
}

int corral_members_append(int group_fd, struct corral_members *members) {
  int answer = append_listed(group_fd, "cgroup.procs", false, members);
  if (answer == -EOPNOTSUPP)
    answer = append_listed(group_fd, "cgroup.threads", true, members);
  return is_shortage(answer) ? answer : 0;
}

int corral_members_read(const struct corral_path *group, struct corral_members *members) {
  struct corral_tree tree = corral_tree_none();
  corral_members_clear(members);
  int answer = corral_tree_begin(&tree, group, false);
  while (answer >= 0 && (answer = corral_tree_step(&tree)) > CORRAL_TREE_OVER)
    if (answer == CORRAL_TREE_ENTERED)
      answer = corral_members_append(tree.fd, members);
  corral_tree_end(&tree);
  corral_members_sort(members);
  return answer == -ENODEV ? -ENOENT : answer;
}

void corral_members_free(struct corral_members *members) {
  free(members->pids);
  *members = (struct corral_members){0};
}

void corral_members_clear(struct corral_members *members) {
  members->count = 0;
  members->unreachable = false;
}

int corral_members_add(struct corral_members *members, pid_t pid) {
  size_t at = members->count;
  while (at > 0 && members->pids[at - 1] > pid)
    at--;
  if (at > 0 && members->pids[at - 1] == pid)
    return 0;
  int answer = append(members, pid);
  if (answer < 0)
    return answer;
  memmove(members->pids + at + 1, members->pids + at, (members->count - 1 - at) * sizeof pid);
  members->pids[at] = pid;
  return 0;
}

bool corral_members_has(const struct corral_members *members, pid_t pid) {
  return members->count && bsearch(&pid, members->pids, members->count, sizeof pid, compare);
}

// A pidfd was opened for each pid of the batch. Those still listed by the group *now* are members for
// certain: the pidfd keeps the pid from meaning anyone else.
static int signal_batch(int group_fd, const pid_t *pids, const int *pidfds, size_t count, const int *signals,
                        struct corral_members *reached) {
  struct corral_members now = {0};
  int answer = corral_members_append(group_fd, &now);
  corral_members_sort(&now);
  int hit = 0;
  for (size_t i = 0; i < count && answer == 0; i++) {
    if (pidfds[i] < 0 || !corral_members_has(&now, pids[i]))
      continue;
    for (const int *signal = signals; *signal; signal++)
      (void)corral_pidfd_signal(pidfds[i], *signal);
    hit++;
    if (reached)
      answer = corral_members_add(reached, pids[i]);
  }
  corral_members_free(&now);
  return answer < 0 ? answer : hit;
}

struct batch {
  pid_t pids[BATCH];
  int pidfds[BATCH];
  size_t indices[BATCH]; // of each in the list
  size_t count;
};

// Fills a batch from the index `next` on. Gives the index to go on at, or -errno where no pidfd can be
// opened.
static ssize_t fill(struct batch *batch, const struct corral_members *listed, size_t next,
                    const struct corral_members *except) {
  batch->count = 0;
  for (; next < listed->count && batch->count < BATCH; next++) {
    if (except && corral_members_has(except, listed->pids[next]))
      continue;
    int pidfd = corral_pidfd_open(listed->pids[next]);
    if (is_shortage(pidfd)) {
      if (batch->count <= FOR_LOOKING)
        return pidfd;
      for (int freed = 0; freed < FOR_LOOKING; freed++)
        corral_close_fd(&batch->pidfds[--batch->count]);
      return (ssize_t)batch->indices[batch->count];
    }
    batch->pids[batch->count] = listed->pids[next];
    batch->pidfds[batch->count] = pidfd;
    batch->indices[batch->count++] = next;
  }
  return (ssize_t)next;
}

int corral_members_signal(int group_fd, const int *signals, const struct corral_members *except,
                          struct corral_members *reached) {
  struct corral_members listed = {0};
  struct batch batch;
  int answer = corral_members_append(group_fd, &listed);
  corral_members_sort(&listed);
  int total = 0;
  for (size_t next = 0; next < listed.count && answer >= 0;) {
    ssize_t after = fill(&batch, &listed, next, except);
    next = after < 0 ? next : (size_t)after;
    answer = after < 0 ? (int)after
                       : signal_batch(group_fd, batch.pids, batch.pidfds, batch.count, signals, reached);
    if (answer > 0)
      total += answer;
    for (size_t i = 0; i < batch.count; i++)
      corral_close_fd(&batch.pidfds[i]);
  }
  corral_members_free(&listed);
  return answer < 0 ? answer : total;
}
