#define _GNU_SOURCE
#include "members.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "own.h"
#include "pidfd.h"
#include "tree.h"

// How many pidfds are held at a time.
#define BATCH 128

static int append(struct corral_members *members, pid_t pid) {
  if (members->count == members->capacity) {
    size_t capacity = members->capacity ? members->capacity * 2 : 64;
    pid_t *pids = realloc(members->pids, capacity * sizeof *pids);
    if (!pids)
      return -ENOMEM;
    members->pids = pids;
    members->capacity = capacity;
  }
  members->pids[members->count++] = pid;
  return 0;
}

static int compare(const void *a, const void *b) {
  pid_t left = *(const pid_t *)a, right = *(const pid_t *)b;
  return (left > right) - (left < right);
}

// cgroup.procs is neither sorted nor free of repetitions.
static void sort_once(struct corral_members *members) {
  if (members->count < 2)
    return;
  qsort(members->pids, members->count, sizeof *members->pids, compare);
  size_t kept = 1;
  for (size_t i = 1; i < members->count; i++)
    if (members->pids[i] != members->pids[kept - 1])
      members->pids[kept++] = members->pids[i];
  members->count = kept;
}

struct reading {
  struct corral_members *members;
  int failed;
};

// The decimal numbers of one cgroup.procs, one a line. A threaded sub-group answers EOPNOTSUPP: its processes
// are listed in the domain above it. One that is going answers ENODEV.
static void read_procs(int directory_fd, void *context) {
  struct reading *reading = context;
  CORRAL_OWNED_FD fd = corral_open_forced(directory_fd, "cgroup.procs", O_RDONLY);
  if (fd < 0)
    return;
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
      if (digits && pid == 0)
        reading->members->unreachable = true;
      else if (digits && append(reading->members, pid) < 0)
        reading->failed = -ENOMEM;
      pid = 0;
      digits = false;
    }
  }
}

int corral_members_read_at(int directory_fd, const char *group, struct corral_members *members) {
  struct reading reading = {.members = members};
  members->count = 0;
  members->unreachable = false;
  int answer = corral_walk_at(directory_fd, group, read_procs, &reading);
  sort_once(members);
  if (answer < 0)
    return answer == -ENODEV ? -ENOENT : answer;
  return reading.failed;
}

int corral_members_read_own(int group_fd, struct corral_members *members) {
  struct reading reading = {.members = members};
  members->count = 0;
  members->unreachable = false;
  read_procs(group_fd, &reading);
  sort_once(members);
  return reading.failed;
}

int corral_members_read(const char *group, struct corral_members *members) {
  return corral_members_read_at(AT_FDCWD, group, members);
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
static int signal_batch(const char *group, const pid_t *pids, const int *pidfds, size_t count,
                        const int *signals, struct corral_members *reached) {
  struct corral_members now = {0};
  int answer = corral_members_read(group, &now);
  int hit = 0;
  for (size_t i = 0; i < count && answer == 0; i++) {
    if (pidfds[i] < 0 || !corral_members_has(&now, pids[i]))
      continue;
    for (const int *signal = signals; *signal; signal++)
      (void)corral_pidfd_signal(pidfds[i], *signal);
    hit++;
    if (reached)
      answer = append(reached, pids[i]);
  }
  corral_members_free(&now);
  if (reached)
    sort_once(reached); // it may be what the next batch is searched in
  return answer < 0 && answer != -ENOENT ? answer : hit;
}

int corral_members_signal(const char *group, const int *signals, const struct corral_members *except,
                          struct corral_members *reached) {
  struct corral_members listed = {0};
  int answer = corral_members_read(group, &listed);
  int total = 0;
  for (size_t next = 0; next < listed.count && answer >= 0;) {
    pid_t pids[BATCH];
    int pidfds[BATCH];
    size_t count = 0;
    for (; next < listed.count && count < BATCH; next++) {
      if (except && corral_members_has(except, listed.pids[next]))
        continue;
      pids[count] = listed.pids[next];
      pidfds[count] = corral_pidfd_open(listed.pids[next]);
      count++;
    }
    if (!count)
      break;
    answer = signal_batch(group, pids, pidfds, count, signals, reached);
    if (answer > 0)
      total += answer;
    for (size_t i = 0; i < count; i++)
      corral_close_fd(&pidfds[i]);
  }
  corral_members_free(&listed);
  return answer < 0 && answer != -ENOENT ? answer : total;
}
