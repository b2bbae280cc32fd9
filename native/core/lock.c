#define _GNU_SOURCE
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "own.h"

// 0; -ENOENT: the directory that was locked is gone, and there may be another.
static int check_still(const char *directory, int fd) {
  struct stat named, held;
  if (stat(directory, &named) < 0 || fstat(fd, &held) < 0)
    return -errno;
  return named.st_ino == held.st_ino && named.st_dev == held.st_dev ? 0 : -ENOENT;
}

int corral_lock(const char *directory) {
  int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return -errno;
  while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
    if (errno == EINTR)
      continue;
    int refused = errno;
    close(fd);
    return -refused;
  }
  int answer = check_still(directory, fd);
  if (answer == 0)
    return fd;
  close(fd);
  return answer;
}

int corral_claim(const char *file) {
  CORRAL_OWNED_FD fd = open(file, O_RDONLY | O_CLOEXEC);
  struct flock all = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
  if (fd < 0 || fcntl(fd, F_SETLK, &all) < 0)
    return -errno;
  return corral_release_fd(&fd);
}
