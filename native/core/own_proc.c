#define _GNU_SOURCE
#include "own_proc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Whom /proc takes us for; 0 where it does not know us.
static pid_t pid_by_proc(void) {
  char link[16] = "";
  const ssize_t length = readlink("/proc/self", link, sizeof link - 1);
  return length > 0 ? (pid_t)strtol(link, NULL, 10) : 0;
}

// NSpid has a pid for each namespace from that of the mount down to ours (proc_pid_status(5)): more than one
// where the mount is that of an ancestor, even if both happen to number us alike. A kernel without that line
// is content.
static bool is_of_ancestor(void) {
  FILE *status = fopen("/proc/self/status", "re");
  if (!status)
    return false;
  bool several = false;
  char *line = NULL;
  size_t room = 0;
  while (getline(&line, &room, status) > 0)
    if (!strncmp(line, "NSpid:", strlen("NSpid:"))) {
      several = strchr(line, '\t') != strrchr(line, '\t');
      break;
    }
  free(line);
  (void)fclose(status);
  return several;
}

bool corral_proc_is_own(void) {
  return pid_by_proc() == getpid() && !is_of_ancestor();
}
