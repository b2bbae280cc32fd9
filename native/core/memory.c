#define _GNU_SOURCE
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "descendants.h"
#include "members.h"
#include "own.h"

#define TEXT_BYTES 4096

// False where the process has ended, or is not ours to look at.
static bool read_of(pid_t pid, const char *file, char text[TEXT_BYTES]) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
  CORRAL_OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read(fd, text, TEXT_BYTES - 1);
  text[length > 0 ? length : 0] = '\0';
  return length > 0;
}

// The second number of statm, in pages: proc_pid_statm(5).
static int64_t resident(pid_t pid) {
  char text[TEXT_BYTES];
  char *end;
  if (!read_of(pid, "statm", text))
    return 0;
  strtoll(text, &end, 10);
  return strtoll(end, NULL, 10) * sysconf(_SC_PAGESIZE);
}

// The line "Pss:" of smaps_rollup, in KiB: proc_pid_smaps(5). Where it cannot be read, the resident size.
static int64_t proportional(pid_t pid) {
  char text[TEXT_BYTES];
  const char *line = read_of(pid, "smaps_rollup", text) ? strstr(text, "\nPss:") : NULL;
  return line ? strtoll(line + strlen("\nPss:"), NULL, 10) * 1024 : resident(pid);
}

static int64_t sum(const struct corral_members *members, int64_t (*size)(pid_t)) {
  int64_t total = 0;
  for (size_t i = 0; i < members->count; i++)
    total += size(members->pids[i]);
  return total;
}

static int64_t used(const struct corral_members *members, int64_t enough) {
  int64_t rough = sum(members, resident);
  return rough >= enough ? sum(members, proportional) : rough;
}

int64_t corral_memory_used(const struct corral_path *group, int64_t enough) {
  struct corral_members members = {0};
  int answer = corral_members_read(group, &members);
  int64_t bytes = answer == 0 ? used(&members, enough) : 0;
  corral_members_free(&members);
  return answer < 0 && answer != -ENOENT ? answer : bytes;
}

int64_t corral_memory_below(pid_t pid, int64_t enough) {
  struct corral_members descendants = {0};
  int answer = corral_descendants_of(pid, &descendants);
  int64_t bytes = answer == 0 ? used(&descendants, enough) : answer;
  corral_members_free(&descendants);
  return bytes;
}
