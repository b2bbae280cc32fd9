// Memory cgroups of version 1 (Documentation/admin-guide/cgroup-v1/memory.rst), for hosts where version 2 has
// no memory controller: each session's group has a second cgroup in the v1 hierarchy, in
// `<ours>/corral-<instance>`, which an instance's label names.
#ifndef CORRAL_MEMORY_V1_H
#define CORRAL_MEMORY_V1_H

#include <limits.h>
#include <stdint.h>

#include "error.h"

// A descriptor that becomes readable when memory ran out in `group`, or in one above it, and when the group
// is gone; or -errno. The kernel says so before it kills.
int corral_memory_v1_watch(const char *group);

// How many processes of `group` the kernel has killed because memory ran out, or -errno (ENOENT: it is gone).
int64_t corral_memory_v1_kills(const char *group);

// The v1 memory cgroup of the instance whose directory is held open, and is at `path`: what its label names.
// A descriptor of it, and its path in `v1_path`; or -errno, -ENOENT where there is none, or none that is
// believed: a v1 cgroup directory of the instance's name, of the instance's owner, by a path without links.
int corral_memory_v1_path(int instance, const char *path, char v1_path[PATH_MAX]);

// Removes that with all below it, if there is any. What still lives there is left (-EBUSY). 0 or -errno.
int corral_memory_v1_remove(int instance, const char *path, struct corral_error *error);

#endif
