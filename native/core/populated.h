// cgroup.events: is anything alive in a cgroup or below it? The only proof of emptiness that the kernel gives
// (Documentation/admin-guide/cgroup-v2.rst, "cgroup.events").
#ifndef CORRAL_POPULATED_H
#define CORRAL_POPULATED_H

#include <stdbool.h>

struct corral_group_events {
  bool populated; // a live process in the cgroup or below; zombies do not count
  bool frozen;    // the cgroup is frozen, by itself or by one above
};

// Reads an open cgroup.events again from its start; this also re-arms POLLPRI on the descriptor.
// 0, or -errno: ENODEV when the cgroup is gone.
int corral_reread_group_events(int events_fd, struct corral_group_events *events);

// The same by the directory's descriptor (O_PATH is enough). ENOENT or ENODEV when the cgroup is gone.
int corral_read_group_events(int group_fd, struct corral_group_events *events);

#endif
