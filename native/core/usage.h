// What a cgroup has used, by the counters of the kernel.
#ifndef CORRAL_USAGE_H
#define CORRAL_USAGE_H

#include <stdint.h>

// -1: the kernel does not count that here.
struct corral_usage {
  int64_t cpu_us, cpu_user_us, cpu_system_us;                  // cpu.stat
  int64_t memory_peak, swap_peak;                              // bytes
  int64_t io_read, io_write;                                   // io.stat: bytes
  int64_t pids_peak;                                           // threads count
  int64_t oom_kills;                                           // processes
  int64_t cpu_pressure_us, memory_pressure_us, io_pressure_us; // how long some of it had to wait (psi.rst)
};

// Nothing is known.
struct corral_usage corral_usage_unknown(void);

// Of the cgroup that is open; `memory_fd`: its cgroup in the v1 memory hierarchy, where it has one, else -1.
struct corral_usage corral_usage_read(int group_fd, int memory_fd);

#endif
