#define _GNU_SOURCE
#include "schedule.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OF_THREAD 1 // IOPRIO_WHO_PROCESS, ioprio_get(2)
// Runs on memory that is the parent's, as spawn_child.c.
#define IN_CHILD __attribute__((no_sanitize("address"), noinline))

IN_CHILD static int nice_now(void) {
  return 20 - (int)syscall(SYS_getpriority, PRIO_PROCESS, 0); // the system call gives 1 to 40
}

// The kernel gives as many bytes as it has CPUs for.
IN_CHILD static size_t cpus_now(unsigned long *cpus) {
  long bytes = syscall(SYS_sched_getaffinity, 0, CORRAL_CPU_WORDS * sizeof *cpus, cpus);
  return bytes > 0 ? (size_t)bytes / sizeof *cpus : 0;
}

void corral_schedule_get(struct corral_schedule *schedule) {
  struct sched_param parameter = {0};
  schedule->policy = (int)syscall(SYS_sched_getscheduler, 0);
  (void)syscall(SYS_sched_getparam, 0, &parameter);
  schedule->realtime = parameter.sched_priority;
  schedule->nice = nice_now();
  schedule->io = (int)syscall(SYS_ioprio_get, OF_THREAD, 0);
  schedule->cpu_words = cpus_now(schedule->cpus);
  schedule->given = schedule->policy >= 0;
}

void corral_schedule_write(const struct corral_schedule *schedule, char text[CORRAL_SCHEDULE_TEXT]) {
  int length = snprintf(text, CORRAL_SCHEDULE_TEXT, "@%d,%d,%d,%d", schedule->policy, schedule->realtime,
                        schedule->nice, schedule->io);
  for (size_t i = 0; i < schedule->cpu_words; i++)
    length += snprintf(text + length, CORRAL_SCHEDULE_TEXT - (size_t)length, ",%lX", schedule->cpus[i]);
}

void corral_schedule_read(const char *flags, struct corral_schedule *schedule) {
  *schedule = (struct corral_schedule){0};
  const char *at = strchr(flags, '@');
  if (!at)
    return;
  int *const numbers[] = {&schedule->policy, &schedule->realtime, &schedule->nice, &schedule->io};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    char *end;
    *numbers[i] = (int)strtol(at + 1, &end, 10);
    at = end;
  }
  for (char *end; *at == ',' && schedule->cpu_words < CORRAL_CPU_WORDS; at = end)
    schedule->cpus[schedule->cpu_words++] = strtoul(at + 1, &end, 16);
  schedule->given = true;
}

// What it has already is not set again: a mask, or a priority for I/O, that was set is another state than one
// that was never.
IN_CHILD void corral_schedule_set(const struct corral_schedule *schedule) {
  if (!schedule->given)
    return;
  const struct sched_param parameter = {.sched_priority = schedule->realtime};
  if ((int)syscall(SYS_sched_getscheduler, 0) != schedule->policy)
    (void)syscall(SYS_sched_setscheduler, 0, schedule->policy, &parameter);
  if (nice_now() != schedule->nice)
    (void)syscall(SYS_setpriority, PRIO_PROCESS, 0, schedule->nice);
  if (schedule->io >= 0 && (int)syscall(SYS_ioprio_get, OF_THREAD, 0) != schedule->io)
    (void)syscall(SYS_ioprio_set, OF_THREAD, 0, schedule->io);
  unsigned long cpus[CORRAL_CPU_WORDS];
  size_t words = cpus_now(cpus);
  bool same = words == schedule->cpu_words;
  for (size_t i = 0; same && i < words; i++)
    same = cpus[i] == schedule->cpus[i];
  if (!same && schedule->cpu_words > 0)
    (void)syscall(SYS_sched_setaffinity, 0, schedule->cpu_words * sizeof *schedule->cpus, schedule->cpus);
}
