#define _GNU_SOURCE
#include "usage.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "own.h"
#include "path.h"

#define FILE_BYTES 16384 // io.stat has a line for each device

// False where there is no such file, or the kernel does not give it (pressure without psi=1: EOPNOTSUPP).
static bool read_file(int group_fd, const char *file, char text[FILE_BYTES]) {
  CORRAL_OWNED_FD fd = group_fd < 0 ? -1 : corral_open_below(group_fd, file, O_RDONLY);
  size_t length = 0;
  ssize_t some = 0;
  while (fd >= 0 && length < FILE_BYTES - 1 && (some = read(fd, text + length, FILE_BYTES - 1 - length)) > 0)
    length += (size_t)some;
  text[length] = '\0';
  return fd >= 0 && some >= 0;
}

static int64_t number_at(const char *text) {
  char *end;
  const long long value = strtoll(text, &end, 10);
  return end == text ? -1 : value;
}

static int64_t read_number(int group_fd, const char *file) {
  char text[FILE_BYTES];
  return read_file(group_fd, file, text) ? number_at(text) : -1;
}

// Of lines "name number".
static int64_t value_of(const char *text, const char *name) {
  const size_t length = strlen(name);
  for (const char *line = text; line && *line; line = strchr(line, '\n')) {
    line += *line == '\n';
    if (!strncmp(line, name, length) && line[length] == ' ')
      return number_at(line + length + 1);
  }
  return -1;
}

// Of all "name=number" in it.
static int64_t sum_of(const char *text, const char *name) {
  const size_t length = strlen(name);
  int64_t sum = 0;
  for (const char *at = text; (at = strstr(at, name)); at += length)
    if (at > text && at[-1] == ' ' && at[length] == '=')
      sum += number_at(at + length + 1);
  return sum;
}

// "some avg10=0.00 avg60=0.00 avg300=0.00 total=N", and a line for "full".
static int64_t read_pressure(int group_fd, const char *file) {
  char text[FILE_BYTES];
  if (!read_file(group_fd, file, text))
    return -1;
  const char *total = strncmp(text, "some ", 5) != 0 ? NULL : strstr(text, "total=");
  return total ? number_at(total + strlen("total=")) : -1;
}

struct corral_usage corral_usage_unknown(void) {
  return (struct corral_usage){-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
}

struct corral_usage corral_usage_read(int group_fd, int memory_fd) {
  char text[FILE_BYTES];
  struct corral_usage usage = corral_usage_unknown();
  if (read_file(group_fd, "cpu.stat", text)) {
    usage.cpu_us = value_of(text, "usage_usec");
    usage.cpu_user_us = value_of(text, "user_usec");
    usage.cpu_system_us = value_of(text, "system_usec");
  }
  if (read_file(group_fd, "io.stat", text)) {
    usage.io_read = sum_of(text, "rbytes");
    usage.io_write = sum_of(text, "wbytes");
  }
  usage.memory_peak = read_number(group_fd, "memory.peak");
  usage.swap_peak = read_number(group_fd, "memory.swap.peak");
  usage.pids_peak = read_number(group_fd, "pids.peak");
  if (read_file(group_fd, "memory.events", text))
    usage.oom_kills = value_of(text, "oom_kill");
  if (memory_fd >= 0) {
    usage.memory_peak = read_number(memory_fd, "memory.max_usage_in_bytes");
    if (read_file(memory_fd, "memory.oom_control", text))
      usage.oom_kills = value_of(text, "oom_kill");
  }
  usage.cpu_pressure_us = read_pressure(group_fd, "cpu.pressure");
  usage.memory_pressure_us = read_pressure(group_fd, "memory.pressure");
  usage.io_pressure_us = read_pressure(group_fd, "io.pressure");
  return usage;
}
