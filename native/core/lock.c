#define _GNU_SOURCE
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "instance.h"
#include "lock_holder.h"
#include "own.h"
#include "path.h"

static int try_lock(int fd, int kind) {
  while (flock(fd, kind | LOCK_NB) < 0)
    if (errno != EINTR)
      return -errno;
  return 0;
}

// Once more where nobody is seen who holds it: it may have been let go meanwhile.
static int lock_or_judge(int fd, bool *taken) {
  int answer = try_lock(fd, LOCK_EX);
  *taken = answer == 0;
  if (answer != -EWOULDBLOCK)
    return answer;
  switch (corral_lock_holder(fd, corral_instance_pid(fd))) {
  case CORRAL_HELD_BY_STRANGERS:
    return 0;
  case CORRAL_HELD_BY_UNKNOWN:
    answer = try_lock(fd, LOCK_EX);
    *taken = answer == 0;
    return answer;
  case CORRAL_HELD_BY_COLLECTOR:
    return -EINPROGRESS;
  default:
    return answer;
  }
}

static int lock_entry(int above_fd, const char *name, bool dead, bool *taken) {
  CORRAL_OWNED_FD fd = corral_open_below(above_fd, name, CORRAL_OPEN_DIRECTORY);
  if (fd < 0)
    return -errno;
  int answer = lock_or_judge(fd, taken);
  if (answer == 0) // or it is gone, and there may be another
    answer = corral_is_entry(above_fd, name, fd);
  // The kernel lets go of the one before it gives the other: a process that comes in between has it
  if (answer == 0 && dead && *taken)
    answer = try_lock(fd, LOCK_SH);
  return answer < 0 ? answer : corral_release_fd(&fd);
}

int corral_lock(int above_fd, const char *name, bool *taken) {
  const int answer = lock_entry(above_fd, name, false, taken);
  return answer == -EINPROGRESS ? -EWOULDBLOCK : answer;
}

int corral_lock_dead(int above_fd, const char *name, bool *taken) {
  return lock_entry(above_fd, name, true, taken);
}

int corral_claim(const char *file) {
  CORRAL_OWNED_FD fd = open(file, O_RDONLY | O_CLOEXEC);
  struct flock first = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1};
  if (fd < 0 || fcntl(fd, F_SETLK, &first) < 0)
    return -errno;
  return corral_release_fd(&fd);
}

// Beside the first byte: a lock that touches it would be one with it.
void corral_claim_killed(int claim, uint64_t count) {
  struct flock killed = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 2, .l_len = (off_t)count};
  if (count > 0) // a length of 0 would be all of the file
    (void)fcntl(claim, F_SETLK, &killed);
}
