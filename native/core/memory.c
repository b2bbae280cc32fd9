#define _GNU_SOURCE
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

// The line "Pss:" of smaps_rollup, in KiB: proc_pid_smaps(5). Where it is not to be had, the resident size.
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

int64_t corral_memory_used(const char *group, int64_t enough) {
  struct corral_members members = {0};
  int answer = corral_members_read(group, &members);
  int64_t used = 0;
  if (answer == 0) {
    used = sum(&members, resident);
    if (used >= enough)
      used = sum(&members, proportional);
  }
  corral_members_free(&members);
  return answer < 0 && answer != -ENOENT ? answer : used;
}
