#define _GNU_SOURCE
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "grow.h"
#include "own.h"
#include "populated.h"

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
static bool next_directory(int fd, char name[NAME_MAX + 1]) {
  _Alignas(struct entry) char buffer[4096];
  long length;
  while ((length = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0) {
    for (long at = 0; at < length;) {
      const struct entry *entry = (const struct entry *)(buffer + at);
      at += entry->length;
      if (entry->type != DT_DIR || !strcmp(entry->name, ".") || !strcmp(entry->name, ".."))
        continue;
      strncpy(name, entry->name, NAME_MAX);
      name[NAME_MAX] = '\0';
      lseek(fd, entry->next, SEEK_SET);
      return true;
    }
  }
  return false;
}

// A directory has two links (its name and its own `.`) and one for each below it. File systems that do not
// count them say 1.
bool corral_is_lowest(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 && status.st_nlink == 2;
}

static bool remember(struct corral_tree *tree, const char *name) {
  const size_t length = strlen(name) + 1;
  if (!corral_grow(&tree->resume, &tree->capacity, tree->depth + 1, sizeof *tree->resume) ||
      !corral_grow(&tree->names, &tree->room, tree->used + length, 1))
    return false;
  tree->resume[tree->depth++] = lseek(tree->fd, 0, SEEK_CUR);
  memcpy(tree->names + tree->used, name, length);
  tree->used += length;
  return true;
}

const char *corral_tree_name(const struct corral_tree *tree) {
  const char *name = tree->names + tree->used - 1;
  while (name > tree->names && name[-1])
    name--;
  return name;
}

// The same, taken from the end of the list.
static const char *forget(struct corral_tree *tree) {
  const char *name = corral_tree_name(tree);
  tree->used = (size_t)(name - tree->names);
  tree->depth--;
  return name;
}

// The kernel's answer for an empty directory that something is mounted on is the same as for one in use.
static bool nobody_lives_in(int parent_fd, const char *name) {
  struct corral_group_events events;
  CORRAL_OWNED_FD fd = corral_open_below(parent_fd, name, CORRAL_OPEN_DIRECTORY);
  if (fd < 0)
    return errno == EXDEV;
  return corral_is_lowest(fd) && (corral_read_group_events(fd, &events) < 0 || !events.populated);
}

int corral_remove_entry(int parent_fd, const char *name) {
  for (bool taken_back = false;;) {
    if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT || errno == ENODEV)
      return 0;
    int refused = errno;
    if (refused == EACCES && !taken_back) {
      corral_restore_permissions(parent_fd);
      taken_back = true;
      continue;
    }
    // EBUSY: alive, or with sub-groups. ENOTEMPTY: a plain directory that plays cgroupfs in a unit test.
    if (refused == ENOTEMPTY)
      return -EBUSY;
    if (refused != EBUSY || !nobody_lives_in(parent_fd, name) || !corral_uncover(parent_fd, name))
      return -refused;
  }
}

struct corral_tree corral_tree_none(void) {
  return (struct corral_tree){.fd = -1};
}

int corral_tree_begin(struct corral_tree *tree, const struct corral_path *top, bool removes) {
  corral_tree_end(tree);
  tree->fd = corral_open_path(top, CORRAL_OPEN_DIRECTORY);
  tree->at_top = true;
  tree->removes = removes;
  tree->refused = 0;
  return tree->fd < 0 ? -errno : 0;
}

// Into the next directory below that there is. False where there is none.
static int step_down(struct corral_tree *tree) {
  char name[NAME_MAX + 1];
  while (!corral_is_lowest(tree->fd) && next_directory(tree->fd, name)) {
    if (tree->skips && !strcmp(name, tree->skips))
      continue;
    // Most have nothing in them
    if (tree->removes && unlinkat(tree->fd, name, AT_REMOVEDIR) == 0)
      continue;
    int below = corral_open_below(tree->fd, name, CORRAL_OPEN_DIRECTORY);
    if (below < 0 && errno == EXDEV && tree->removes && corral_uncover(tree->fd, name))
      below = corral_open_below(tree->fd, name, CORRAL_OPEN_DIRECTORY);
    if (below < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
      return -errno;
    if (below < 0)
      continue;
    if (!remember(tree, name)) {
      close(below);
      return -ENOMEM;
    }
    close(tree->fd);
    tree->fd = below;
    return CORRAL_TREE_ENTERED;
  }
  return CORRAL_TREE_OVER;
}

// A directory that was removed under our feet has a way up all the same: its own entry of its parent stays.
static int step_up(struct corral_tree *tree) {
  if (!tree->depth)
    return CORRAL_TREE_OVER;
  int above = corral_open_above(tree->fd);
  if (above < 0)
    return errno == ENOENT ? CORRAL_TREE_OVER : -errno;
  const off_t resume = tree->resume[tree->depth - 1];
  const char *name = forget(tree);
  close(tree->fd);
  tree->fd = above;
  lseek(above, resume, SEEK_SET);
  const int answer = tree->removes ? corral_remove_entry(above, name) : 0;
  if (answer < 0)
    tree->refused = -answer;
  return CORRAL_TREE_LEFT;
}

int corral_tree_step(struct corral_tree *tree) {
  if (tree->fd < 0)
    return CORRAL_TREE_OVER;
  if (tree->at_top) {
    tree->at_top = false;
    return CORRAL_TREE_ENTERED;
  }
  int answer = tree->passes ? CORRAL_TREE_OVER : step_down(tree);
  tree->passes = false;
  return answer == CORRAL_TREE_OVER ? step_up(tree) : answer;
}

void corral_tree_end(struct corral_tree *tree) {
  corral_close_fd(&tree->fd);
  free(tree->resume);
  free(tree->names);
  *tree = corral_tree_none();
}

int corral_remove_top(const struct corral_path *path) {
  const char *name;
  CORRAL_OWNED_FD parent = corral_open_parent(path, &name);
  if (parent < 0)
    return path->at != AT_FDCWD && (errno == ENOENT || errno == ENODEV) ? 0 : -errno;
  // Another of that name is not ours: this one is gone
  if (path->fd >= 0 && corral_is_entry(parent, name, path->fd) == -ENOENT)
    return 0;
  return corral_remove_entry(parent, name);
}

int corral_remove_tree(const struct corral_path *path, struct corral_error *error) {
  struct corral_tree tree = corral_tree_none();
  int answer = corral_tree_begin(&tree, path, true);
  if (answer == -ENOENT)
    return 0;
  while (answer >= 0 && (answer = corral_tree_step(&tree)) > CORRAL_TREE_OVER)
    ;
  corral_tree_end(&tree);
  if (answer >= 0)
    answer = corral_remove_top(path);
  return answer < 0 ? corral_fail(error, -answer, "rmdir", path->path) : 0;
}
