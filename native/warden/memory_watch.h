// Ends a session whole when its memory has run out, where the kernel does not: in a v1 memory cgroup it kills
// one process; with no memory controller at all it has to be looked how much the processes use.
#ifndef CORRAL_MEMORY_WATCH_H
#define CORRAL_MEMORY_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../core/path.h"

struct memory_watch {
  const struct corral_path *group; // NULL: look at what is below a process
  pid_t reaper;                    // this one
  const char *memory_group;        // its v1 memory cgroup, or NULL
  int64_t cap;                     // what to look for where there is none, in bytes; 0: nothing
  int event_fd;                    // readable when it is to be looked before its time; -1: there is none
  int64_t look_ms;                 // when to look next; -1: not before word comes
  int64_t often_until_ms;          // word came: look again and again until then
};

// Begins to watch. Where a v1 memory cgroup cannot be watched (no descriptor left), nothing is
// watched: the kernel holds the cap all the same.
void memory_watch_begin(struct memory_watch *watch, int64_t now_ms);

// Looks, if that is due. True when the group is to be ended; says why on stderr.
bool memory_watch_step(struct memory_watch *watch, int64_t now_ms);

#endif
