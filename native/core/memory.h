// How much memory processes use, where the kernel does not count it for the group that they are in.
#ifndef CORRAL_MEMORY_H
#define CORRAL_MEMORY_H

#include <stdint.h>
#include <sys/types.h>

#include "path.h"

// The memory of all processes of `group` and below, in bytes. Resident sizes are summed first, which is cheap
// and never too little; only where that reaches `enough` are proportional sizes asked for (smaps_rollup: each
// shared page is divided by those who share it), for which the kernel walks every page table. 0 when the
// group is gone, or -errno.
int64_t corral_memory_used(const struct corral_path *group, int64_t enough);

// The same of the descendants of a process.
int64_t corral_memory_below(pid_t pid, int64_t enough);

#endif
