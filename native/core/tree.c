#define _GNU_SOURCE
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "own.h"

// How many directories in a row somebody else may have removed between our finding and our removing them.
#define LOST_MOST 1000

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

// A directory has two links (its name and its own `.`) and one for each below it. File systems that do not
// count them say 1.
static bool is_lowest(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 && status.st_nlink == 2;
}

// Where to go on in each directory above the current one. A payload can nest its groups as deep as it likes,
// so neither a descriptor a level nor a fixed size will do.
struct trail {
  off_t *resume;
  size_t depth, capacity;
};

static bool remember(struct trail *trail, off_t where) {
  if (trail->depth == trail->capacity) {
    size_t capacity = trail->capacity ? trail->capacity * 2 : 16;
    off_t *resume = realloc(trail->resume, capacity * sizeof *resume);
    if (!resume)
      return false;
    trail->resume = resume;
    trail->capacity = capacity;
  }
  trail->resume[trail->depth++] = where;
  return true;
}

// Goes from `fd` (taken over) to the next directory in the order of the walk, and tells in `entered` whether
// that is one that was not visited yet. -1 at the end; -ENOMEM.
static int advance(int fd, struct trail *trail, bool *entered) {
  char name[NAME_MAX + 1];
  *entered = false;
  while (!is_lowest(fd) && next_directory(fd, name, sizeof name)) {
    int below = corral_open_forced(fd, name, OPEN_DIRECTORY);
    if (below < 0)
      continue;
    bool remembered = remember(trail, lseek(fd, 0, SEEK_CUR));
    close(fd);
    if (!remembered) {
      close(below);
      return -ENOMEM;
    }
    *entered = true;
    return below;
  }
  // A directory that was removed under our feet has no way up; nor has it anything left that is still to be
  // seen.
  int above = trail->depth ? openat(fd, "..", OPEN_DIRECTORY) : -1;
  close(fd);
  if (above >= 0)
    lseek(above, trail->resume[--trail->depth], SEEK_SET);
  return above < 0 ? -1 : above;
}

int corral_walk_at(int directory_fd, const char *path, void (*visit)(int directory_fd, void *context),
                   void *context) {
  struct trail trail = {0};
  bool entered = true;
  int fd = corral_open_forced(directory_fd, path, OPEN_DIRECTORY);
  if (fd < 0)
    return -errno;
  while (fd >= 0) {
    if (entered)
      visit(fd, context);
    fd = advance(fd, &trail, &entered);
  }
  free(trail.resume);
  return fd == -ENOMEM ? -ENOMEM : 0;
}

int corral_walk(const char *path, void (*visit)(int directory_fd, void *context), void *context) {
  return corral_walk_at(AT_FDCWD, path, visit, context);
}

// Descends to a directory without sub-directories below `fd` (taken over) and gives its parent and name.
// Returns the parent's descriptor, or -1 when `fd` itself has none below it.
static int deepest(int fd, char *name, size_t size) {
  char below_name[NAME_MAX + 1];
  int parent = -1;
  while (!is_lowest(fd) && next_directory(fd, below_name, sizeof below_name)) {
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
  for (int lost = 0;;) {
    if (rmdir(path) == 0 || errno == ENOENT || errno == ENODEV)
      return 0;
    // EBUSY: alive, or with sub-groups. ENOTEMPTY: a plain directory that plays cgroupfs in a unit test.
    if (errno != EBUSY && errno != ENOTEMPTY)
      return corral_fail(error, errno, "rmdir", path);
    int refused = errno;
    int top = corral_open_forced(AT_FDCWD, path, OPEN_DIRECTORY);
    if (top < 0)
      return errno == ENOENT ? 0 : corral_fail(error, errno, "open cgroup", path);
    CORRAL_OWNED_FD parent = deepest(top, name, sizeof name);
    if (parent < 0)
      return corral_fail(error, refused, "rmdir", path);
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0)
      lost = 0;
    else if (errno != ENOENT || ++lost == LOST_MOST)
      return corral_fail(error, errno == ENOENT ? refused : errno, "rmdir", path);
    // Its siblings are often leaves as well: go on here as far as that holds, then again from the top.
    while (lseek(parent, 0, SEEK_SET) == 0 && next_directory(parent, name, sizeof name) &&
           unlinkat(parent, name, AT_REMOVEDIR) == 0)
      ;
  }
}
