#define _GNU_SOURCE
#include "monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "../core/own.h"
#include "log.h"
#include "undumpable.h"

int open_signals(void) {
  sigset_t signals;
  sigfillset(&signals);
  const int not_ours[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGPIPE};
  for (size_t i = 0; i < sizeof not_ours / sizeof *not_ours; i++)
    sigdelset(&signals, not_ours[i]);
  signal(SIGPIPE, SIG_IGN);
  sigprocmask(SIG_SETMASK, &signals, NULL);
  return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool is_of_terminal(const struct signalfd_siginfo *signal) {
  return signal->ssi_code == SI_KERNEL && signal->ssi_signo != SIGALRM;
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

int log_refused(const char *command, const struct corral_error *error) {
  const char *why = error->number == ETIMEDOUT
                        ? "no answer in time (a file system that hangs, or another process's lease)"
                        : strerror(error->number);
  log_message("'%s' cannot be started: %s %s: %s", command, error->operation, error->path, why);
  if (strcmp(error->operation, "exec") != 0)
    return STATUS_FAILED;
  return error->number == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN;
}

static void raise_by_default(int number) {
  sigset_t it;
  sigemptyset(&it);
  sigaddset(&it, number);
  (void)signal(number, SIG_DFL);
  (void)raise(number);
  sigprocmask(SIG_UNBLOCK, &it, NULL);
  sigprocmask(SIG_BLOCK, &it, NULL);
}

void stop_as(int number) {
  if (number == SIGTSTP || number == SIGTTIN || number == SIGTTOU)
    raise_by_default(number);
}

int end_as(const struct corral_exit *ended, bool as_status) {
  if (!ended->signal)
    return ended->code;
  if (!as_status && getpid() != 1) {
    become_undumpable(); // no core file: RLIMIT_CORE says nothing to a program that takes cores (core(5))
    raise_by_default(ended->signal);
  }
  return STATUS_SIGNALLED + ended->signal;
}
