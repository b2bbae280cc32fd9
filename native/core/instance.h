// Instances: one directory below <root>/corral for each running gateway, locked by it as long as it lives.
#ifndef CORRAL_INSTANCE_H
#define CORRAL_INSTANCE_H

#include <stdbool.h>
#include <sys/types.h>

#include "end.h"
#include "error.h"
#include "language.h"
#include "path.h"

// Of all directories that Corral makes: others go through them, and neither list nor open them.
#define CORRAL_DIRECTORY_MODE 0711

enum corral_instance_state {
  CORRAL_LIVE,
  CORRAL_ENDING,  // its owner is dead, and its guard or a sweep collects it
  CORRAL_DEAD,    // its owner holds its lock no more
  CORRAL_FOREIGN, // not made by Corral, or of another user: nobody may touch it
  CORRAL_GONE,
};

struct corral_instance {
  const char *name;
  enum corral_instance_state state;
  int lock;      // of a dead one: its directory, to be closed
  bool locked;   // whether that has the lock; else a stranger has it
  char why[128]; // of a foreign one: how that is known
};

// Calls `see` for each directory of <root>/corral: the one place that says what is ours. An instance is that
// by its name, by its owner, who is our user (for root also the owner of <root>/corral), and by the label
// that was left when it was made. Where that was removed, by a lock like an owner's: so a session cannot hide
// a live instance. What is in an instance is not judged: only its owner and root can make directories there,
// or give them away. 0, or -errno.
int corral_instances_visit(const struct corral_base *root,
                           void (*see)(void *context, const struct corral_instance *instance), void *context);

// The pid that the owner of an instance left in its label, as the owner saw it; 0: there is no such label.
pid_t corral_instance_pid(int directory_fd);

// Makes <root>/corral/<name>, labels it with this process's pid and `command`, and locks it. The descriptor
// that holds the lock, or -errno and `error`: -EEXIST when the name is taken. On failure nothing is left but
// perhaps an empty <root>/corral, or what a sweeper took for a dead instance in the moment before it was
// locked.
int corral_instance_make(const struct corral_base *root, const char *name, const char *command,
                         struct corral_error *error);

// Whether that failed because a sweeper is collecting what was just made: try again. (mkdir(2) in a full
// cgroup is EAGAIN as well, which is the same number as EWOULDBLOCK.)
bool corral_instance_must_wait(const struct corral_error *error);

// Removes <root>/corral where nothing is left in it, unless it is another user's. It needs no lock: a creator
// that finds it gone makes it anew.
void corral_instances_remove_directory(const struct corral_base *root);

// Ends and removes an instance, with its v1 memory cgroups. As corral_collect().
int corral_instance_remove(const struct corral_path *instance, const struct corral_end_plan *plan,
                           struct corral_error *error);

// Ends and removes every instance below `root` whose owner is dead. What outlives plan->kill_ms is left for
// the next sweep.
void corral_instance_sweep(const struct corral_base *root, const struct corral_end_plan *plan);

#endif
