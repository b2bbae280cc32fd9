#define _GNU_SOURCE
#include "ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "own.h"

#define ATTEMPTS 8 // at a file that is removed each time just after it was opened

// O_NONBLOCK: a FIFO, or a file that somebody has a lease on (fcntl(2)), makes nobody wait.
static int open_ledger(const char *path, struct corral_error *error) {
  struct stat status;
  CORRAL_OWNED_FD fd =
      open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
  if (fd < 0)
    return corral_fail(error, errno, "open", path);
  if (fstat(fd, &status) < 0)
    return corral_fail(error, errno, "stat", path);
  if (!S_ISREG(status.st_mode))
    return corral_fail(error, EINVAL, "check kind", path);
  if (status.st_uid != geteuid())
    return corral_fail(error, EPERM, "check owner", path);
  return corral_release_fd(&fd);
}

// A line that was cut (a full disk, a power failure) is left to itself.
static bool ends_within_a_line(int fd) {
  struct stat status;
  char last;
  return fstat(fd, &status) == 0 && status.st_size > 0 && pread(fd, &last, 1, status.st_size - 1) == 1 &&
         last != '\n';
}

// 0 once it is written where others find it; -EAGAIN: the file is on no path any more, rotated and removed.
static int write_line(const char *path, const char *line, size_t length, struct corral_error *error) {
  struct stat status;
  CORRAL_OWNED_FD fd = open_ledger(path, error);
  if (fd < 0)
    return fd;
  const bool cut = ends_within_a_line(fd);
  const struct iovec pieces[] = {{.iov_base = (char[]){'\n'}, .iov_len = cut},
                                 {.iov_base = (void *)line, .iov_len = length}};
  const ssize_t written = writev(fd, pieces, 2);
  if (written < 0)
    return corral_fail(error, errno, "write", path);
  if ((size_t)written < length + cut)
    return corral_fail(error, ENOSPC, "write", path);
  const bool removed = fstat(fd, &status) == 0 && status.st_nlink == 0;
  return removed ? corral_fail(error, EAGAIN, "find", path) : 0;
}

static int append(const char *path, const char *lines, size_t length, struct corral_error *error) {
  for (const char *line = lines, *end = lines + length; line < end;) {
    const char *feed = memchr(line, '\n', (size_t)(end - line));
    const size_t one = feed ? (size_t)(feed + 1 - line) : (size_t)(end - line);
    int answer = -EAGAIN;
    for (int attempt = 0; attempt < ATTEMPTS && answer == -EAGAIN; attempt++)
      answer = write_line(path, line, one, error);
    if (answer < 0)
      return answer;
    line += one;
  }
  return 0;
}

// Beyond RLIMIT_FSIZE a write is EFBIG and SIGXFSZ, whose default ends the program (setrlimit(2)). It is sent
// to the thread that writes.
int corral_ledger_append(const char *path, const char *lines, size_t length, struct corral_error *error) {
  const struct timespec at_once = {0};
  sigset_t too_large, before, pending;
  sigemptyset(&too_large);
  sigaddset(&too_large, SIGXFSZ);
  pthread_sigmask(SIG_BLOCK, &too_large, &before);
  const bool was_pending = sigpending(&pending) == 0 && sigismember(&pending, SIGXFSZ) == 1;
  int answer;
  if (length > 0) {
    answer = append(path, lines, length, error);
  } else {
    CORRAL_OWNED_FD fd = open_ledger(path, error);
    answer = fd < 0 ? fd : 0;
  }
  if (!was_pending)
    (void)sigtimedwait(&too_large, NULL, &at_once);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return answer;
}
