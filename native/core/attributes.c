#define _GNU_SOURCE
#include "attributes.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "children.h"
#include "own.h"

// Runs on memory that is the parent's, as spawn_child.c.
#define IN_CHILD __attribute__((no_sanitize("address"), noinline))
#define STATUS_BYTES 4096 // of /proc/self/status; the mask is in its second line
#define OOM_KILLABLE (-999)

// The number behind `name` in a file of /proc; what is not there is `otherwise`.
static int number_in(const char *file, const char *name, int base, int otherwise) {
  char text[STATUS_BYTES];
  CORRAL_OWNED_FD fd = open(file, O_RDONLY | O_CLOEXEC);
  const ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
  text[length > 0 ? length : 0] = '\0';
  const char *at = strstr(text, name);
  return at && length > 0 ? (int)strtol(at + strlen(name), NULL, base) : otherwise;
}

// umask(2) tells only by changing it, for all threads.
void corral_attributes_get(struct corral_attributes *attributes) {
  attributes->mask = number_in("/proc/self/status", "\nUmask:", 8, -1);
  const int score = number_in(CORRAL_OOM_SCORE_FILE, "", 10, 0);
  attributes->oom_score_adj = score < OOM_KILLABLE ? OOM_KILLABLE : score; // children.h has why
  for (int i = 0; i < RLIM_NLIMITS; i++)
    (void)syscall(SYS_prlimit64, 0, i, NULL, &attributes->limits[i]);
  attributes->given = true;
}

void corral_attributes_write(const struct corral_attributes *attributes, char text[CORRAL_ATTRIBUTES_TEXT]) {
  int length = snprintf(text, CORRAL_ATTRIBUTES_TEXT, "%%%d,%d", attributes->mask, attributes->oom_score_adj);
  for (int i = 0; i < RLIM_NLIMITS; i++)
    length += snprintf(text + length, CORRAL_ATTRIBUTES_TEXT - (size_t)length, ",%" PRIX64 ",%" PRIX64,
                       attributes->limits[i].soft, attributes->limits[i].hard);
}

void corral_attributes_read(const char *flags, struct corral_attributes *attributes) {
  *attributes = (struct corral_attributes){0};
  const char *at = strchr(flags, '%');
  if (!at)
    return;
  char *end;
  attributes->mask = (int)strtol(at + 1, &end, 10);
  attributes->oom_score_adj = (int)strtol(end + 1, &end, 10);
  for (int i = 0; i < RLIM_NLIMITS; i++) {
    if (*end != ',')
      return;
    attributes->limits[i].soft = strtoull(end + 1, &end, 16);
    if (*end != ',')
      return;
    attributes->limits[i].hard = strtoull(end + 1, &end, 16);
  }
  attributes->given = true;
}

IN_CHILD static void set_limit(int which, const struct corral_limit *limit) {
  struct corral_limit now;
  if (which == RLIMIT_LOCKS || syscall(SYS_prlimit64, 0, which, NULL, &now) < 0)
    return;
  const bool same = now.soft == limit->soft && now.hard == limit->hard;
  if (same || syscall(SYS_prlimit64, 0, which, limit, NULL) == 0)
    return;
  now.soft = limit->soft < now.hard ? limit->soft : now.hard; // a hard limit of ours that is lower stays
  (void)syscall(SYS_prlimit64, 0, which, &now, NULL);
}

IN_CHILD static void set_oom_score_adj(int score) {
  char digits[8];
  size_t at = sizeof digits;
  for (unsigned rest = score < 0 ? (unsigned)-score : (unsigned)score; at == sizeof digits || rest;
       rest /= 10)
    digits[--at] = (char)('0' + rest % 10);
  if (score < 0)
    digits[--at] = '-';
  const int fd = (int)syscall(SYS_openat, AT_FDCWD, CORRAL_OOM_SCORE_FILE, O_WRONLY | O_CLOEXEC, 0);
  if (fd < 0)
    return;
  (void)syscall(SYS_write, fd, digits + at, sizeof digits - at);
  (void)syscall(SYS_close, fd);
}

IN_CHILD void corral_attributes_set(const struct corral_attributes *attributes) {
  if (!attributes->given)
    return;
  if (attributes->mask >= 0)
    (void)syscall(SYS_umask, attributes->mask);
  set_oom_score_adj(attributes->oom_score_adj);
  for (int i = 0; i < RLIM_NLIMITS; i++)
    set_limit(i, &attributes->limits[i]);
}
