// What a program has to see to before it starts processes, so that they can be waited for, and can be ended.
#ifndef CORRAL_CHILDREN_H
#define CORRAL_CHILDREN_H

#include <stdbool.h>

#define CORRAL_OOM_SCORE_FILE "/proc/self/oom_score_adj"
#define CORRAL_UNKILLABLE "-1000\n" // OOM_SCORE_ADJ_MIN
#define CORRAL_KILLABLE "-999"

// Has the kernel keep how a child ended until it is asked. That SIGCHLD is ignored is inherited over exec,
// and then waitid(2) never tells (ECHILD), nor is there a signal.
void corral_keep_exits(void);

// Whether the kernel never kills this process where memory runs out: oom_score_adj is -1000,
// proc_pid_oom_score_adj(5), as a service manager sets it for what must live. It is inherited, and at a
// session's cap the kernel would then kill nobody.
bool corral_is_unkillable(void);

// Makes it the last that the kernel kills.
void corral_make_killable(void);

#endif
