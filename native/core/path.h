// Directories by the descriptors that were opened when they were made, not by their names. A name can come to
// lead elsewhere, or nowhere: a mount hides it, a chmod closes it, it grows longer than PATH_MAX. A
// descriptor goes on meaning the same cgroup. So a root is opened once, and all below it from there.
#ifndef CORRAL_PATH_H
#define CORRAL_PATH_H

#include <stdbool.h>
#include <sys/types.h>

#define CORRAL_OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW)

struct corral_path {
  int at;            // a directory above it, held open; AT_FDCWD: none is
  const char *below; // its path from there; where none is held, its whole path
  int fd;            // the directory itself, where it is held open, else -1
  const char *path;  // its whole path, for errors
};

// A directory that is held open, and its path.
struct corral_base {
  int fd; // -1: none is held
  const char *path;
};

// A path from the base, where it is that or below it. Points into `path`.
struct corral_path corral_path_of(const struct corral_base *base, const char *path);

// Opens a directory that all else is to be opened from: a base. Where we may (CAP_SYS_ADMIN, Linux 5.2), in a
// mount of our own that is attached nowhere (open_tree(2)): what others mount in the tree does not show in
// it. Never O_PATH: through such a descriptor a mode that was taken away cannot be given back. The descriptor
// or -errno.
int corral_open_root(const char *path);

// openat(2) of what is below a directory, however long the path is. Follows no link, leaves neither the
// directory nor its mount (-1 and EXDEV: a mount is in the way), and takes back modes that the payload took
// away (chmod 0 by the same user).
int corral_open_below(int directory_fd, const char *path, int flags);

// The directory above one, in the same mount. -1 and errno.
int corral_open_above(int directory_fd);

// As corral_open_below(), of a path: -1 and ENOENT says that it is gone only where `at` is held.
int corral_open_path(const struct corral_path *path, int flags);

// The directory that the path is an entry of, and in `name` that entry. -1 and errno.
int corral_open_parent(const struct corral_path *path, const char **name);

// Gives the owner of what a descriptor is open for, O_PATH too, its permissions back.
void corral_restore_permissions(int fd);

// Whether a descriptor is of a cgroup v2 directory.
bool corral_is_cgroup(int fd);

// Whether the cgroup of a path is no more.
bool corral_is_gone(const struct corral_path *path);

// Whether the entry `name` of a directory is that very one; 0, -ENOENT where it is another, or none.
int corral_is_entry(int parent_fd, const char *name, int fd);

// Detaches what is mounted, in our mount namespace, on the entry `name` of a directory: the kernel removes no
// directory that something is mounted on. True where something was. The file system itself stays as it is.
bool corral_uncover(int parent_fd, const char *name);

#endif
