// Puts this process into a group that stands ready, and makes it the command: same pid, same stdio. What
// corral.wrap() gives to spawn functions that belong to others.
#ifndef CORRAL_ENTER_H
#define CORRAL_ENTER_H

#include <stdbool.h>
#include <stdint.h>

// `group_id` is the inode number of the directory `group`, so that no other group of that path is entered.
// `memory_group` is the v1 memory cgroup to enter as well, or NULL. Returns only when that failed, with the
// exit status, and it was said why.
// `login_mark`: it bears the group's mark as a login uid, too (core/mark.h).
int enter(const char *group, uint64_t group_id, const char *memory_group, bool login_mark, char **command);

#endif
