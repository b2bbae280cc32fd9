#define _GNU_SOURCE
#include "credentials.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// Runs on memory that is the parent's, as spawn_child.c.
#define IN_CHILD __attribute__((no_sanitize("address"), noinline))
#define NUMBER_BYTES 12 // the longest, with its comma

char *corral_credentials_text(void) {
  unsigned ids[2 * CORRAL_IDS];
  (void)getresuid(&ids[0], &ids[1], &ids[2]);
  (void)getresgid(&ids[3], &ids[4], &ids[5]);
  const int count = getgroups(0, NULL);
  const size_t room = ((size_t)(count > 0 ? count : 0) + 2 * CORRAL_IDS + 1) * NUMBER_BYTES;
  gid_t *all = calloc((size_t)(count > 0 ? count : 0) + 1, sizeof *all);
  char *text = malloc(room);
  if (!all || !text || count < 0 || getgroups(count, all) != count) {
    free(all);
    free(text);
    return NULL;
  }
  char *at = text;
  for (size_t i = 0; i < 2 * CORRAL_IDS; i++)
    at += sprintf(at, "%c%u", i ? ',' : '#', ids[i]);
  for (int i = 0; i < count; i++)
    at += sprintf(at, ",%u", all[i]);
  free(all);
  return text;
}

int corral_credentials_read(const char *flags, struct corral_credentials *credentials) {
  *credentials = (struct corral_credentials){0};
  char *at = strchr(flags, '#');
  if (!at)
    return 0;
  for (size_t i = 0; i < CORRAL_IDS; i++)
    credentials->users[i] = (uid_t)strtoul(at + 1, &at, 10);
  for (size_t i = 0; i < CORRAL_IDS; i++)
    credentials->groups[i] = (gid_t)strtoul(at + 1, &at, 10);
  size_t most = 0;
  for (const char *comma = at; (comma = strchr(comma, ',')); comma++)
    most++;
  credentials->all = calloc(2 * most + 1, sizeof *credentials->all);
  if (!credentials->all)
    return -ENOMEM;
  while (*at == ',')
    credentials->all[credentials->count++] = (gid_t)strtoul(at + 1, &at, 10);
  credentials->given = true;
  return 0;
}

void corral_credentials_free(struct corral_credentials *credentials) {
  free(credentials->all);
  *credentials = (struct corral_credentials){0};
}

IN_CHILD static bool has_ids(long getter, const unsigned ids[CORRAL_IDS]) {
  unsigned now[CORRAL_IDS];
  return syscall(getter, &now[0], &now[1], &now[2]) == 0 && now[0] == ids[0] && now[1] == ids[1] &&
         now[2] == ids[2];
}

IN_CHILD static bool has_groups(const struct corral_credentials *credentials) {
  const long count = (long)credentials->count;
  gid_t *now = credentials->all + count;
  if (syscall(SYS_getgroups, 0, NULL) != count || syscall(SYS_getgroups, count, now) != count)
    return false;
  for (long i = 0; i < count; i++)
    if (now[i] != credentials->all[i])
      return false;
  return true;
}

IN_CHILD int corral_credentials_set(const struct corral_credentials *credentials) {
  if (!credentials->given)
    return 0;
  const uid_t *users = credentials->users;
  const gid_t *groups = credentials->groups;
  if (!has_groups(credentials) && syscall(SYS_setgroups, credentials->count, credentials->all) < 0)
    return errno;
  if (!has_ids(SYS_getresgid, groups) && syscall(SYS_setresgid, groups[0], groups[1], groups[2]) < 0)
    return errno;
  if (!has_ids(SYS_getresuid, users) && syscall(SYS_setresuid, users[0], users[1], users[2]) < 0)
    return errno;
  return 0;
}
