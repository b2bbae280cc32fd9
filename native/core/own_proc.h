// Whether the pids in /proc mean what getpid(2), kill(2) and pidfd_open(2) mean by them here: a /proc that
// was mounted in another pid namespace (`unshare --pid --fork` without --mount-proc, a sandbox that has its
// host's) numbers all processes differently. What it says of a pid is then said of somebody else.
#ifndef CORRAL_OWN_PROC_H
#define CORRAL_OWN_PROC_H

#include <stdbool.h>

// False also where there is no /proc.
bool corral_proc_is_own(void);

#endif
