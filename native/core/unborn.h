// A process that dies before its first instruction. Kernels that compare kill sequence numbers (6.14, and
// stable 6.1, 6.6, 6.12 and 6.13 with commit b69bb476dee9; up to 7.2) take the number of the *cloner's*
// cgroup for the child's, and kill the child where the group that it is created in has another one. So a
// group that cgroup.kill was written to once takes no child of ours; and where our own group is such a one,
// which was used again, no other group does. A process that moves in by a write is not looked at.
#ifndef CORRAL_UNBORN_H
#define CORRAL_UNBORN_H

#include <stdbool.h>

// Found out by doing it, in a group that is made below the O_PATH directory `group_fd` for that and is gone
// afterwards: whether what we clone into another cgroup dies so. Ask it after such a death. True once is true
// for good: moving in works in any case.
bool corral_clones_die(int group_fd);

// What the last answer was; asks nothing.
bool corral_clones_died(void);

#endif
