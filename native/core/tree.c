#define _GNU_SOURCE
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "own.h"

#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

int corral_open_forced(int directory_fd, const char *name, int flags) {
  int fd = openat(directory_fd, name, flags | O_CLOEXEC);
  if (fd >= 0 || errno != EACCES)
    return fd;
  if (fchmodat(directory_fd, name, flags & O_DIRECTORY ? 0700 : 0600, 0) < 0)
    return errno = EACCES, -1;
  return openat(directory_fd, name, flags | O_CLOEXEC);
}

// struct linux_dirent64 of getdents64(2): readdir(3) would allocate.
struct entry {
  uint64_t inode;
  int64_t next; // lseek() to here to go on after this entry
  uint16_t length;
  uint8_t type;
  char name[];
};

// Finds the next sub-directory after where the descriptor stands: its name into `name`, and the descriptor is
// left just behind it. False at the end.
static bool next_directory(int fd, char *name, size_t size) {
  _Alignas(struct entry) char buffer[4096];
  long length;
  while ((length = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0) {
    for (long at = 0; at < length;) {
      const struct entry *entry = (const struct entry *)(buffer + at);
      at += entry->length;
      if (entry->type != DT_DIR || !strcmp(entry->name, ".") || !strcmp(entry->name, ".."))
        continue;
      strncpy(name, entry->name, size - 1);
      name[size - 1] = '\0';
      lseek(fd, entry->next, SEEK_SET);
      return true;
    }
  }
  return false;
}

int corral_walk(const char *path, void (*visit)(int directory_fd, void *context), void *context) {
  off_t resume[CORRAL_WALK_DEPTH]; // where to go on in each directory above the current one
  char name[NAME_MAX + 1];
  int depth = 0;
  int fd = open(path, OPEN_DIRECTORY);
  if (fd < 0)
    return -errno;
  visit(fd, context);
  for (;;) {
    if (depth < CORRAL_WALK_DEPTH && next_directory(fd, name, sizeof name)) {
      int below = corral_open_forced(fd, name, OPEN_DIRECTORY);
      if (below < 0)
        continue;
      resume[depth++] = lseek(fd, 0, SEEK_CUR);
      close(fd);
      fd = below;
      visit(fd, context);
      continue;
    }
    if (depth == 0)
      break;
    int above = openat(fd, "..", OPEN_DIRECTORY);
    close(fd);
    if (above < 0) // removed under our feet: so is all that was still to be seen in it
      return 0;
    fd = above;
    lseek(fd, resume[--depth], SEEK_SET);
  }
  close(fd);
  return 0;
}

// Descends to a directory without sub-directories below `fd` (taken over) and gives its parent and name.
// Returns the parent's descriptor, or -1 when `fd` itself has none below it.
static int deepest(int fd, char *name, size_t size) {
  char below_name[NAME_MAX + 1];
  int parent = -1;
  while (next_directory(fd, below_name, sizeof below_name)) {
    int below = corral_open_forced(fd, below_name, OPEN_DIRECTORY);
    if (below < 0)
      continue;
    corral_close_fd(&parent);
    parent = fd;
    fd = below;
    memcpy(name, below_name, size);
  }
  close(fd);
  return parent;
}

int corral_remove_tree(const char *path, struct corral_error *error) {
  char name[NAME_MAX + 1];
  for (;;) {
    if (rmdir(path) == 0 || errno == ENOENT || errno == ENODEV)
      return 0;
    // EBUSY: alive, or with sub-groups. ENOTEMPTY: a plain directory that plays cgroupfs in a unit test.
    if (errno != EBUSY && errno != ENOTEMPTY)
      return corral_fail(error, errno, "rmdir", path);
    int refused = errno;
    int top = open(path, OPEN_DIRECTORY);
    if (top < 0)
      return errno == ENOENT ? 0 : corral_fail(error, errno, "open cgroup", path);
    CORRAL_OWNED_FD parent = deepest(top, name, sizeof name);
    if (parent < 0)
      return corral_fail(error, refused, "rmdir", path);
    if (unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
      return corral_fail(error, errno, "rmdir", path);
    // Its siblings are often leaves as well: go on here as far as that holds, then again from the top.
    while (lseek(parent, 0, SEEK_SET) == 0 && next_directory(parent, name, sizeof name) &&
           unlinkat(parent, name, AT_REMOVEDIR) == 0)
      ;
  }
}
