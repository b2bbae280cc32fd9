// Made by native/language.mjs, which says what each of these is: change that, and run it.
#ifndef CORRAL_LANGUAGE_H
#define CORRAL_LANGUAGE_H

#include <stdint.h>

#ifndef CORRAL_PROTOCOL // a test makes a later version so
#define CORRAL_PROTOCOL 3
#endif

enum corral_message_kind {
  CORRAL_START_REAPER = 1,
  CORRAL_COLLECT = 2,
  CORRAL_END_ALL = 3,
  CORRAL_SPAWN = 4,
  CORRAL_END = 5,
  CORRAL_KEEPER_READY = 6,
  CORRAL_CLEAN = 7,
  CORRAL_REAPER_READY = 8,
  CORRAL_STARTED = 9,
  CORRAL_REFUSED = 10,
  CORRAL_EXITED = 11,
  CORRAL_ENDED = 12,
  CORRAL_LABELS = 13,
  CORRAL_DOOR = 14,
  CORRAL_END_REQUESTED = 15,
  CORRAL_ENTERED = 16,
  CORRAL_LEFT = 17,
  CORRAL_SHOW = 18,
  CORRAL_JOIN = 19,
  CORRAL_SHOWN = 20,
  CORRAL_JOINED = 21,
  CORRAL_OUT = 22,
  CORRAL_CANCEL = 23,
  CORRAL_STOPPED = 24,
  CORRAL_GUARD_READY = 25,
  CORRAL_INSTANCE_MADE = 26,
  CORRAL_MOVED_IN = 27,
  CORRAL_REMOVE_INSTANCE = 28,
  CORRAL_HANDED_OVER = 29,
  CORRAL_RECORD = 30,
  CORRAL_RECORDED = 31,
};

// The values of a message, by its kind.
union corral_message_values {
  struct {
    int64_t grace_ms, kill_ms;
  } end;
  struct {
    int64_t pid;
  } keeper_ready;
  struct {
    int64_t empty;
  } clean;
  struct {
    int64_t pid, mark;
  } reaper_ready;
  struct {
    int64_t pid;
  } started;
  struct {
    int64_t code, signal;
  } exited;
  struct {
    int64_t empty;
  } ended;
  struct {
    int64_t high, low;
  } door;
  struct {
    int64_t pid;
  } entered;
  struct {
    int64_t pid;
  } join;
  struct {
    int64_t error;
  } cancel;
  struct {
    int64_t signal;
  } stopped;
};

#define CORRAL_DIRECTORY "corral"
#define CORRAL_SESSIONS "sessions"
#define CORRAL_WARDEN "warden"
#define CORRAL_LEAF "agent"
#define CORRAL_INSIDE "in"
#define CORRAL_SUPERVISOR "supervisor"
#define CORRAL_PID_LABEL "user.corral.pid"
#define CORRAL_COMMAND_LABEL "user.corral.command"
#define CORRAL_PROGRAM_LABEL "user.corral.program"
#define CORRAL_LIVED_LABEL "user.corral.lived"
#define CORRAL_MODE_LABEL "user.corral.mode"
#define CORRAL_KEY_LABEL "user.corral.key"
#define CORRAL_KILLED_LABEL "user.corral.killed"
#define CORRAL_MEMORY_LABEL "user.corral.memory"
#define CORRAL_LEADER_LABEL "user.corral.leader"
#define CORRAL_QUOTA_LABEL "user.corral.quota"
#define CORRAL_ONESHOT_COMPLETE "oneshot-complete"
#define CORRAL_CLOSED "closed"
#define CORRAL_TIMEOUT "timeout"
#define CORRAL_MEMORY_LIMIT "memory-limit"
#define CORRAL_KILLED_FROM_OUTSIDE "corral-kill"
#define CORRAL_HOLDER_KILLED "holder-killed"
#define CORRAL_GATEWAY_GONE "gateway-gone"
#define CORRAL_GUARD_TITLE "corral-guard"
#define CORRAL_KEEPER_TITLE "corral-keeper"
#define CORRAL_REAPER_TITLE "corral-holder"
#define CORRAL_DOOR_PREFIX "corral-door-"

// Exit statuses of the warden
#define STATUS_FAILED 1
#define STATUS_USAGE 2
#define STATUS_PROTOCOL 3
#define STATUS_TIMED_OUT 124
#define STATUS_CANNOT_RUN 126
#define STATUS_NOT_FOUND 127
#define STATUS_SIGNALLED 128

#endif
