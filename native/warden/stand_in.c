#define _GNU_SOURCE
#include "stand_in.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "../core/own.h"
#include "tell.h"

int take_signals(void) {
  sigset_t signals;
  sigfillset(&signals);
  const int not_ours[] = {SIGTSTP, SIGTTIN, SIGTTOU, SIGCHLD, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGPIPE};
  for (size_t i = 0; i < sizeof not_ours / sizeof *not_ours; i++)
    sigdelset(&signals, not_ours[i]);
  signal(SIGPIPE, SIG_IGN);
  sigprocmask(SIG_SETMASK, &signals, NULL);
  return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

int open_parent(void) {
  pid_t parent = getppid();
  CORRAL_OWNED_FD pidfd = parent > 0 ? corral_pidfd_open(parent) : -1;
  return pidfd >= 0 && getppid() == parent ? corral_release_fd(&pidfd) : -1;
}

void let_go_of_output(void) {
  CORRAL_OWNED_FD null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null >= 0)
    dup2(null, STDOUT_FILENO);
}

int tell_refused(const char *command, const struct corral_error *error) {
  const char *why = error->number == ETIMEDOUT
                        ? "no answer in time (a file system that hangs, or another process's lease)"
                        : strerror(error->number);
  tell("'%s' cannot be started: %s %s: %s", command, error->operation, error->path, why);
  if (strcmp(error->operation, "exec") != 0)
    return STATUS_FAILED;
  return error->number == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN;
}

int status_of(const struct corral_exit *ended) {
  return ended->signal ? STATUS_SIGNALLED + ended->signal : ended->code;
}
