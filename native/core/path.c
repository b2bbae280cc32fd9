#define _GNU_SOURCE
#include "path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "own.h"

#ifndef SYS_open_tree
#define SYS_open_tree 428
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#define TREE_CLONE 1                           // OPEN_TREE_CLONE
#define RESOLVE_IN_MOUNT (0x01 | 0x02 | 0x04)  // NO_XDEV, NO_MAGICLINKS, NO_SYMLINKS
#define RESOLVE_STAY (RESOLVE_IN_MOUNT | 0x08) // BENEATH
#define MOUNT_ROOT 0x2000                      // STATX_ATTR_MOUNT_ROOT, Linux 5.8
#define CGROUP2_MAGIC 0x63677270               // linux/magic.h

#define OWNER_OF_DIRECTORY 0700
#define OWNER_OF_FILE 0600
#define TAKE_BACK_TIMES 100

struct how { // struct open_how of openat2(2)
  uint64_t flags, mode, resolve;
};

struct corral_path corral_path_of(const struct corral_base *base, const char *path) {
  struct corral_path found = {.at = AT_FDCWD, .below = path, .fd = -1, .path = path};
  const size_t length = base && base->fd >= 0 ? strlen(base->path) : 0;
  if (!length || strncmp(path, base->path, length) != 0 || (path[length] && path[length] != '/'))
    return found;
  found.at = base->fd;
  found.below = path + length + strspn(path + length, "/");
  if (!*found.below) {
    found.below = ".";
    found.fd = base->fd;
  }
  return found;
}

int corral_open_root(const char *path) {
  CORRAL_OWNED_FD shown = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (shown < 0)
    return -errno;
  CORRAL_OWNED_FD tree = (int)syscall(SYS_open_tree, shown, "", AT_EMPTY_PATH | TREE_CLONE | O_CLOEXEC);
  // Once it is closed, the kernel takes the mount apart but for what is open in it
  int alone = tree < 0 ? -1 : openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return alone < 0 ? corral_release_fd(&shown) : alone;
}

bool corral_is_cgroup(int fd) {
  struct statfs file_system;
  return fstatfs(fd, &file_system) == 0 && (unsigned long)file_system.f_type == CGROUP2_MAGIC;
}

// Where the kernel, or a seccomp filter, does not let us ask for that (openat2: Linux 5.6).
static bool is_missing(int number) {
  return number == ENOSYS || number == EPERM;
}

static bool is_mount_root(int fd) {
  uint64_t status[32] = {0}; // struct statx: the second word has the attributes
  return syscall(SYS_statx, fd, "", AT_EMPTY_PATH, 0U, status) == 0 && (status[1] & MOUNT_ROOT);
}

static int open_and_compare(int directory_fd, const char *name, int flags) {
  struct stat above, found;
  CORRAL_OWNED_FD fd = openat(directory_fd, name, flags | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 || fstat(directory_fd, &above) < 0 || fstat(fd, &found) < 0)
    return -1;
  if (found.st_dev == above.st_dev && !is_mount_root(fd) && !S_ISLNK(found.st_mode))
    return corral_release_fd(&fd);
  return errno = EXDEV, -1;
}

static int open_staying(int directory_fd, const char *path, int flags) {
  struct how how = {.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC), .resolve = RESOLVE_STAY};
  return (int)syscall(SYS_openat2, directory_fd, path, &how, sizeof how);
}

void corral_restore_permissions(int fd) {
  struct stat found;
  char path[32];
  if (fd < 0 || fstat(fd, &found) < 0)
    return;
  const mode_t mode = (found.st_mode | (S_ISDIR(found.st_mode) ? OWNER_OF_DIRECTORY : OWNER_OF_FILE)) & 07777;
  if (mode == (found.st_mode & 07777) || fchmod(fd, mode) == 0 || errno != EBADF)
    return;
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  (void)chmod(path, mode);
}

int corral_open_above(int directory_fd) {
  struct how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_IN_MOUNT};
  for (int times = 0;; times++) {
    int fd = (int)syscall(SYS_openat2, directory_fd, "..", &how, sizeof how);
    if (fd < 0 && is_missing(errno))
      fd = openat(directory_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 || errno != EACCES || times == TAKE_BACK_TIMES)
      return fd;
    corral_restore_permissions(directory_fd);
  }
}

static int open_entry(int directory_fd, const char *name, int flags) {
  int fd = open_staying(directory_fd, name, flags);
  if (fd >= 0 || !is_missing(errno))
    return fd;
  if (!strcmp(name, "."))
    return openat(directory_fd, name, flags | O_CLOEXEC);
  return open_and_compare(directory_fd, name, flags);
}

static int open_entry_forced(int directory_fd, const char *name, int flags) {
  int fd = open_entry(directory_fd, name, flags);
  // As often as it takes to come in between two of its calls, where the payload goes on taking it away
  for (int times = 0; fd < 0 && errno == EACCES && times < TAKE_BACK_TIMES; times++) {
    corral_restore_permissions(directory_fd);
    CORRAL_OWNED_FD closed = strcmp(name, ".") ? open_entry(directory_fd, name, O_PATH | O_NOFOLLOW) : -1;
    corral_restore_permissions(closed);
    fd = open_entry(directory_fd, name, flags);
  }
  return fd;
}

static int open_step_by_step(int directory_fd, const char *path, int flags) {
  CORRAL_OWNED_FD above = -1;
  for (int at = directory_fd;; at = above) {
    char name[NAME_MAX + 1];
    const size_t length = strcspn(path, "/");
    if (length > NAME_MAX)
      return errno = ENAMETOOLONG, -1;
    memcpy(name, path, length);
    name[length] = '\0';
    path += length + strspn(path + length, "/");
    if (!*path)
      return open_entry_forced(at, name, flags);
    int next = open_entry_forced(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (next < 0)
      return -1;
    corral_close_fd(&above);
    above = next;
  }
}

int corral_open_below(int directory_fd, const char *path, int flags) {
  int fd = open_staying(directory_fd, path, flags);
  if (fd >= 0 || (!is_missing(errno) && errno != EACCES && errno != ENAMETOOLONG))
    return fd;
  return open_step_by_step(directory_fd, path, flags);
}

// By a name alone: only the last directory of it can be ours.
static int open_named(const char *path, int flags) {
  int fd = open(path, flags | O_CLOEXEC);
  if (fd >= 0 || errno != EACCES)
    return fd;
  CORRAL_OWNED_FD closed = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  corral_restore_permissions(closed);
  return open(path, flags | O_CLOEXEC);
}

int corral_open_path(const struct corral_path *path, int flags) {
  if (path->fd >= 0)
    return corral_open_below(path->fd, ".", flags);
  if (path->at == AT_FDCWD)
    return open_named(path->below, flags);
  return corral_open_below(path->at, path->below, flags);
}

int corral_open_parent(const struct corral_path *path, const char **name) {
  const char *slash = strrchr(path->below, '/');
  *name = slash ? slash + 1 : path->below;
  if (!slash)
    return corral_open_below(path->at, ".", O_RDONLY | O_DIRECTORY);
  char *above = strndup(path->below, slash == path->below ? 1 : (size_t)(slash - path->below));
  if (!above)
    return errno = ENOMEM, -1;
  const struct corral_path parent = {.at = path->at, .below = above, .fd = -1};
  int fd = corral_open_path(&parent, O_RDONLY | O_DIRECTORY);
  free(above);
  return fd;
}

bool corral_is_gone(const struct corral_path *path) {
  CORRAL_OWNED_FD directory = path->fd >= 0 ? -1 : corral_open_path(path, O_PATH | O_DIRECTORY);
  if (path->fd < 0 && directory < 0)
    return errno == ENOENT || errno == ENODEV;
  CORRAL_OWNED_FD procs =
      corral_open_below(path->fd >= 0 ? path->fd : directory, "cgroup.procs", O_PATH | O_NOFOLLOW);
  return procs < 0 && (errno == ENOENT || errno == ENODEV);
}

static bool is_same(const struct stat *a, const struct stat *b) {
  return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

int corral_is_entry(int parent_fd, const char *name, int fd) {
  struct stat named, held;
  CORRAL_OWNED_FD found = corral_open_below(parent_fd, name, O_PATH | O_NOFOLLOW);
  if (found < 0 || fstat(found, &named) < 0 || fstat(fd, &held) < 0)
    return -errno;
  return is_same(&named, &held) ? 0 : -ENOENT;
}

// mountinfo writes blank, tab, newline and backslash as octal: proc_pid_mountinfo(5).
static void unescape(char *text) {
  char *to = text;
  for (const char *from = text; *from; to++) {
    if (from[0] == '\\' && from[1] && from[2] && from[3]) {
      *to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
      from += 4;
    } else {
      *to = *from++;
    }
  }
  *to = '\0';
}

// Whether what is mounted at `point` stands on an entry of the directory: `..` leads out of a mount.
static bool detach_from(const struct stat *parent, const char *point) {
  struct stat above;
  char path[32];
  CORRAL_OWNED_FD top = open(point, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  CORRAL_OWNED_FD out = top < 0 ? -1 : openat(top, "..", O_PATH | O_CLOEXEC);
  if (out < 0 || fstat(out, &above) < 0 || !is_same(&above, parent))
    return false;
  snprintf(path, sizeof path, "/proc/self/fd/%d", top);
  return umount2(path, MNT_DETACH) == 0; // EINVAL where no mount begins there
}

static bool detach_all(int parent_fd, const char *name) {
  struct stat parent;
  FILE *mounts = fstat(parent_fd, &parent) == 0 ? fopen("/proc/thread-self/mountinfo", "re") : NULL;
  if (!mounts)
    return false;
  char *line = NULL;
  size_t size = 0;
  bool detached = false;
  while (getline(&line, &size, mounts) > 0) {
    char *at = line, *point = NULL;
    for (int field = 0; field < 5; field++) // the fifth is the mount point
      point = strsep(&at, " ");
    if (!point)
      continue;
    unescape(point);
    const char *last = strrchr(point, '/');
    if (last && !strcmp(last + 1, name))
      while (detach_from(&parent, point))
        detached = true;
  }
  free(line);
  fclose(mounts);
  return detached;
}

// The top of the mount that a directory is in, and in `below` how many directories further down that is.
static int open_top(int directory_fd, size_t *below) {
  struct stat here, above;
  int at = fcntl(directory_fd, F_DUPFD_CLOEXEC, 0);
  for (*below = 0; at >= 0; (*below)++) {
    int up = corral_open_above(at);
    if (up < 0 || fstat(at, &here) < 0 || fstat(up, &above) < 0 || is_same(&here, &above)) {
      corral_close_fd(&up);
      break;
    }
    close(at);
    at = up;
  }
  return at;
}

// The same on the way to a directory: what stands there hides what stands further down.
static bool detach_on_the_way(int directory_fd) {
  char link[32], path[PATH_MAX], *name = path;
  size_t below;
  bool detached = false;
  snprintf(link, sizeof link, "/proc/self/fd/%d", directory_fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  path[length > 0 ? length : 0] = '\0';
  CORRAL_OWNED_FD at = open_top(directory_fd, &below);
  for (size_t names = 0; names < below && name; names++) { // from the end of the path
    name = names ? memrchr(path, '/', (size_t)(name - path)) : strrchr(path, '/');
  }
  while (at >= 0 && name && below-- > 0) {
    char *one = name + 1;
    name = below ? strchr(one, '/') : NULL;
    if (name)
      *name = '\0';
    detached |= detach_all(at, one);
    int next = corral_open_below(at, one, CORRAL_OPEN_DIRECTORY);
    corral_close_fd(&at);
    at = next;
  }
  return detached;
}

bool corral_uncover(int parent_fd, const char *name) {
  return detach_all(parent_fd, name) || detach_on_the_way(parent_fd);
}
