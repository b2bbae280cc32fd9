#define _GNU_SOURCE
#include "inherited.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../core/close_from.h"
#include "../core/own.h"

#define HIGHEST_FDS ((rlim_t)CORRAL_MAX_STDIO + 64) // those of the command, and ours above them

static uint64_t ignored_signals(void) {
  uint64_t ignored = 0;
  struct sigaction now;
  for (int number = 1; number < NSIG; number++)
    if (sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
      ignored |= 1ULL << (number - 1);
  return ignored;
}

// Ours to close when the command has it. What is opened from now on gets other numbers.
static void add_fd(struct inherited *inherited, int fd) {
  if (fd >= CORRAL_MAX_STDIO || inherited->count == INHERITED_MAX) {
    close(fd);
    return;
  }
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  inherited->fds[inherited->count++] = fd;
}

static void add_descriptors(struct inherited *inherited) {
  DIR *descriptors = opendir("/proc/self/fd");
  if (!descriptors) { // no /proc: nothing that is above stdio is known
    close_from(STDERR_FILENO + 1);
    return;
  }
  for (const struct dirent *entry; (entry = readdir(descriptors));) {
    int fd = (int)strtol(entry->d_name, NULL, 10); // 0 for . and ..
    if (fd > STDERR_FILENO && fd != dirfd(descriptors))
      add_fd(inherited, fd);
  }
  closedir(descriptors);
}

// Of ours, as far as we may: up to the hard limit, or past it.
static void raise_limit(int which, rlim_t least) {
  struct rlimit limit = {0};
  getrlimit(which, &limit);
  const rlim_t most = limit.rlim_max;
  limit.rlim_cur = limit.rlim_max = most < least ? least : most;
  if (setrlimit(which, &limit) == 0)
    return;
  limit.rlim_cur = limit.rlim_max = most;
  (void)setrlimit(which, &limit);
}

void inherited_note(struct inherited *inherited) {
  *inherited = (struct inherited){.ignored = ignored_signals()};
  (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &inherited->blocked, CORRAL_KERNEL_SIGSET_BYTES);
  corral_attributes_get(&inherited->attributes);
  raise_limit(RLIMIT_NOFILE, HIGHEST_FDS);  // we need a few more than the command
  raise_limit(RLIMIT_FSIZE, RLIM_INFINITY); // and its plan is a file
  add_descriptors(inherited);
}

size_t inherited_stdio(const struct inherited *inherited, struct corral_stdio stdio[CORRAL_MAX_STDIO]) {
  size_t count = STDERR_FILENO + 1;
  for (int i = 0; i < CORRAL_MAX_STDIO; i++)
    stdio[i] = (struct corral_stdio){i < (int)count ? CORRAL_STDIO_FD : CORRAL_STDIO_NONE, i};
  for (size_t i = 0; i < inherited->count; i++) {
    const int fd = inherited->fds[i];
    stdio[fd].kind = CORRAL_STDIO_FD;
    if ((size_t)fd >= count)
      count = (size_t)fd + 1;
  }
  return count;
}

void inherited_apply(const struct inherited *inherited, struct corral_spawn_plan *plan) {
  plan->ignored = inherited->ignored;
  plan->blocked = inherited->blocked;
  plan->as_given = true;
  plan->attributes = inherited->attributes;
}

void inherited_restore(uint64_t ignored, uint64_t blocked, uint64_t open_files) {
  if (ignored != ~0ULL)
    for (int number = 1; number < NSIG; number++)
      (void)signal(number, ignored & (1ULL << (number - 1)) ? SIG_IGN : SIG_DFL);
  struct rlimit files;
  if (open_files != ~0ULL && getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = (rlim_t)open_files;
    (void)setrlimit(RLIMIT_NOFILE, &files);
  }
  // Last: what comes from now on is the command's
  if (blocked != ~0ULL)
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &blocked, NULL, CORRAL_KERNEL_SIGSET_BYTES);
}

void inherited_drop(struct inherited *inherited) {
  for (; inherited->count > 0; inherited->count--)
    close(inherited->fds[inherited->count - 1]);
}
