// What `corral run` is to those around it, whatever holds its command: takes signals for it, knows who
// started it, watches its time and memory, stops when it stops, and ends as it ended.
#ifndef CORRAL_MONITOR_H
#define CORRAL_MONITOR_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../core/error.h"
#include "../core/pidfd.h"
#include "../core/record.h"
#include "memory_watch.h"
#include "run_plan.h"

#define MECHANISM_SLOTS 4
enum monitor_slot { SIGNALS, PARENT, INPUT, MEMORY, FIRST_OF_MECHANISM };
#define MONITOR_SLOTS (FIRST_OF_MECHANISM + MECHANISM_SLOTS)

struct monitor;

// What holds the command.
struct mechanism {
  // Ends all: once the command has ended and what it left may end by itself (`drain_ms`), or by asking first
  // (`grace_ms`). A second call shortens the first.
  void (*end)(struct monitor *monitor, int64_t drain_ms, int64_t grace_ms);
  void (*give_up_start)(struct monitor *monitor); // the command is not exec'ed in time
  void (*child_changed)(struct monitor *monitor); // SIGCHLD; NULL: that says nothing
};

struct monitor {
  const struct run_plan *plan;
  const struct mechanism *mechanism;
  bool joins;                       // the session is somebody else's, who ends it
  struct pollfd fds[MONITOR_SLOTS]; // poll() passes over those with a negative fd
  struct memory_watch memory;
  sigset_t early; // what the command is to get once it is started
  int leader;     // pidfd; -1: it is not started (yet)
  pid_t leader_pid;
  bool ending, leader_ended;
  const char *reason; // why all is ended: src/common/reasons.ts
  struct corral_exit exit;
  int64_t begun_ms;
  int64_t start_by_ms; // when the command has to be exec'ed; 0: that is over
  int64_t end_by_ms;   // when it has to have ended; 0: there is no such time, or it is over
  bool timed_out;      // that was why all was ended
  int refused;         // the exit status when the command cannot be started; 0: it can
};

// Begins to take signals: they wait in a descriptor, also those that come before there is a command.
void monitor_open(struct monitor *monitor, const struct run_plan *plan, const struct mechanism *mechanism);

// Our parent's end counts from now on, unless this joins.
void monitor_watch_parent(struct monitor *monitor);

// The command is being started; its memory is watched, by `watch`, and its time.
void monitor_begin(struct monitor *monitor, struct memory_watch watch);

// It was exec'ed, or refused, or has ended.
void monitor_started(struct monitor *monitor, int leader, pid_t pid);
void monitor_refused(struct monitor *monitor, const struct corral_error *error);
void monitor_exited(struct monitor *monitor, struct corral_exit how);

// All is being ended: nothing watches the memory any more.
void monitor_ending(struct monitor *monitor);

// Waits, for `wait_ms` at most, or for ever where that is negative, and sees to what is ours. True where
// there may be something in the mechanism's slots.
bool monitor_poll(struct monitor *monitor, int64_t wait_ms);

// Sees to what is due. After what the mechanism had to do.
void monitor_check(struct monitor *monitor);

// Says what the session used, where that is asked for, as far as it is known: once all of it is gone.
void monitor_sum_up(const struct monitor *monitor, const struct corral_record *known);

// How the command ended, for the process that waits for us instead of it, without a core file of ours: by its
// signal, or returns the exit status.
int monitor_finish(const struct monitor *monitor);

// Says why the command cannot be started. The exit status.
int log_refused(const char *command, const struct corral_error *error);

// Stops as the command did by a terminal's job control, until somebody continues us. Not with SIGSTOP, by
// which endings hold still what they kill: the process that asks us to end must not find us stopped for that.
void stop_as(int signal);

#endif
