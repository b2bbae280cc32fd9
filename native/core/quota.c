#define _GNU_SOURCE
#include "quota.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "language.h"
#include "own.h"
#include "path.h"

#define NONE "max"
#define TEXT_BYTES 64 // two numbers and a newline
// Of a cgroup whose quota is lifted: what it was. For when who lifted it dies before it sets it again.

struct corral_lift {
  struct corral_lift *next;     // of the same who needs it
  struct corral_lift *next_all; // of all in this process
  dev_t device;
  ino_t id;
  int fd;       // of cpu.max
  int group_fd; // of the directory
  char text[TEXT_BYTES];
};

// A family's quota is lifted for several ends at a time, on several threads: the last of them sets it again.
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct corral_lift *all;

static int open_quota(int group_fd) {
  return corral_open_below(group_fd, "cpu.max", O_RDWR); // none where there is no cpu controller
}

// Whether there is one, and its text.
static bool read_quota(int fd, char text[TEXT_BYTES]) {
  const ssize_t length = pread(fd, text, TEXT_BYTES - 1, 0);
  text[length > 0 ? length : 0] = '\0';
  return length > 0 && strncmp(text, NONE, strlen(NONE)) != 0;
}

// The quota that somebody has lifted and not set again: who may be at it still, or dead.
static bool read_label(int group_fd, char text[TEXT_BYTES]) {
  const ssize_t length = fgetxattr(group_fd, CORRAL_QUOTA_LABEL, text, TEXT_BYTES - 1);
  text[length > 0 ? length : 0] = '\0';
  return length > 0;
}

// Without the label (kernels before 5.7) nobody sets it again but who lifts it.
static bool write_none(int fd, int group_fd, const char *text) {
  (void)fsetxattr(group_fd, CORRAL_QUOTA_LABEL, text, strlen(text), 0);
  return write(fd, NONE, strlen(NONE)) > 0;
}

static void write_back(int fd, int group_fd, const char *text) {
  (void)!pwrite(fd, text, strlen(text), 0);
  (void)fremovexattr(group_fd, CORRAL_QUOTA_LABEL);
}

// Another of the same cgroup. To be called with the mutex.
static struct corral_lift *find(const struct corral_lift *from, dev_t device, ino_t id) {
  struct corral_lift *at = from ? from->next_all : all;
  while (at && (at->device != device || at->id != id))
    at = at->next_all;
  return at;
}

static struct corral_lift *find_own(struct corral_lift *at, dev_t device, ino_t id) {
  while (at && (at->device != device || at->id != id))
    at = at->next;
  return at;
}

static struct corral_lift *add(struct corral_lift **lifts, int *fd, int group_fd, const struct stat *group) {
  CORRAL_OWNED_FD held = fcntl(group_fd, F_DUPFD_CLOEXEC, 0);
  struct corral_lift *lift = held < 0 ? NULL : malloc(sizeof *lift);
  if (lift) {
    *lift = (struct corral_lift){.next = *lifts,
                                 .next_all = all,
                                 .device = group->st_dev,
                                 .id = group->st_ino,
                                 .fd = corral_release_fd(fd),
                                 .group_fd = corral_release_fd(&held)};
    *lifts = all = lift;
  }
  return lift;
}

// What is set again is the quota that was there before the first lifted it, or that somebody has set since.
static void lift_one(struct corral_lift **lifts, int *fd, int group_fd, const struct stat *group) {
  char text[TEXT_BYTES];
  const bool held = read_quota(*fd, text);
  const struct corral_lift *other = find(NULL, group->st_dev, group->st_ino);
  struct corral_lift *own = find_own(*lifts, group->st_dev, group->st_ino);
  const bool taken = held || other || read_label(group_fd, text); // by another process
  if (!taken)
    return;
  if (held && !write_none(*fd, group_fd, text))
    return;
  if (!own && !(own = add(lifts, fd, group_fd, group))) {
    if (held && !other)
      write_back(*fd, group_fd, text);
    return;
  }
  if (!held && other) {
    if (own != other)
      memcpy(own->text, other->text, sizeof own->text);
    return;
  }
  for (struct corral_lift *at = NULL; (at = find(at, group->st_dev, group->st_ino));)
    memcpy(at->text, text, sizeof text);
}

void corral_quota_lift(struct corral_lift **lifts, int group_fd) {
  struct stat group;
  CORRAL_OWNED_FD fd = open_quota(group_fd);
  if (fd < 0 || fstat(group_fd, &group) < 0)
    return;
  pthread_mutex_lock(&mutex);
  lift_one(lifts, &fd, group_fd, &group);
  pthread_mutex_unlock(&mutex);
}

static void restore_one(struct corral_lift *lift) {
  char text[TEXT_BYTES];
  struct corral_lift **at = &all;
  while (*at && *at != lift)
    at = &(*at)->next_all;
  if (*at)
    *at = lift->next_all;
  if (!find(NULL, lift->device, lift->id)) {
    if (read_quota(lift->fd, text))
      (void)fremovexattr(lift->group_fd, CORRAL_QUOTA_LABEL);
    else
      write_back(lift->fd, lift->group_fd, lift->text);
  }
  close(lift->fd);
  close(lift->group_fd);
  free(lift);
}

void corral_quota_restore(struct corral_lift **lifts) {
  if (!*lifts)
    return;
  pthread_mutex_lock(&mutex);
  while (*lifts) {
    struct corral_lift *lift = *lifts;
    *lifts = lift->next;
    restore_one(lift);
  }
  pthread_mutex_unlock(&mutex);
}

void corral_quota_recover(int group_fd) {
  char text[TEXT_BYTES], held[TEXT_BYTES];
  struct stat group;
  CORRAL_OWNED_FD fd = read_label(group_fd, text) ? open_quota(group_fd) : -1;
  if (fd < 0 || fstat(group_fd, &group) < 0)
    return;
  pthread_mutex_lock(&mutex);
  if (!find(NULL, group.st_dev, group.st_ino) && !read_quota(fd, held))
    write_back(fd, group_fd, text);
  pthread_mutex_unlock(&mutex);
}

void corral_quota_drop(int group_fd) {
  char text[TEXT_BYTES];
  CORRAL_OWNED_FD fd = open_quota(group_fd);
  if (fd >= 0 && read_quota(fd, text))
    (void)!write(fd, NONE, strlen(NONE));
}
