// Made by native/language.mjs: change that, and run it.
#ifndef CORRAL_LANGUAGE_H
#define CORRAL_LANGUAGE_H

#include <stdint.h>

#ifndef CORRAL_PROTOCOL // a test makes a later version so
#define CORRAL_PROTOCOL 3
#endif

enum corral_message_kind {
  // gateway to keeper: start a reaper; descriptor: its end of the lifeline
  CORRAL_START_REAPER = 1,
  // gateway to keeper: answer `clean` when no lost property is left
  CORRAL_COLLECT = 2,
  // gateway to keeper: end all and exit
  CORRAL_END_ALL = 3,
  // gateway to reaper: start a process; descriptors: its plan, then the caller's that the plan names
  CORRAL_SPAWN = 4,
  // gateway or visitor to reaper: end all, and exit when that is done; `id`: of a gateway the signal that
  // asks (0: SIGTERM), of a visitor its protocol; a negative `graceMs` is time for draining
  CORRAL_END = 5,
  // keeper to gateway; descriptor: its pidfd
  CORRAL_KEEPER_READY = 6,
  // keeper to gateway: `killed`, `names` and `left` since the last one
  CORRAL_CLEAN = 7,
  // reaper to gateway; descriptor: its pidfd; `mark` (mark.h) 0: none
  CORRAL_REAPER_READY = 8,
  // reaper to gateway: `id` of the request; descriptor: the pidfd
  CORRAL_STARTED = 9,
  // the process that was asked: `id` of the request, or its own protocol, and the error
  CORRAL_REFUSED = 10,
  // reaper to gateway: `id` of the request that started it; `code` -1: a signal
  CORRAL_EXITED = 11,
  // reaper: `killed`, `names`, `left` and the CPU time of all; where nothing is left it exits
  CORRAL_ENDED = 12,
  // gateway to reaper; descriptor: the text that its door shows
  CORRAL_LABELS = 13,
  // reaper to gateway: the two halves of its door's name (door.h); 0: there is none
  CORRAL_DOOR = 14,
  // reaper to gateway: a visitor has it end all
  CORRAL_END_REQUESTED = 15,
  // reaper to gateway: `id` of who came in, and the pid of its reaper; descriptor: pidfd of its keeper.
  // Both as the kernel says them: what a visitor says of a pid, or sends for a pidfd, is not believed
  CORRAL_ENTERED = 16,
  // `id`: its command has ended; what that left may live
  CORRAL_LEFT = 17,
  // visitor to reaper: answer `shown`; `id`: its protocol
  CORRAL_SHOW = 18,
  // visitor to reaper: answer `joined`; `id`: its protocol, `pid`: of a reaper that is a child of the
  // process that connected, its keeper. It is told `end`, says `left` and `ended`, and ends all when the
  // connection ends. Descriptor: pidfd of its keeper, which only reapers of older releases look at
  CORRAL_JOIN = 19,
  // reaper to visitor; `id`: its protocol; descriptor: the text, if any; `left`: the reapers that have
  // joined
  CORRAL_SHOWN = 20,
  // reaper to visitor; `id`: its protocol
  CORRAL_JOINED = 21,
  // reaper to gateway: `id` of who came in: the connection has ended, so nothing of it is held any more
  CORRAL_OUT = 22,
  // gateway to reaper: `id` of a `spawn`; `error`: errno of the `refused` that answers it
  CORRAL_CANCEL = 23,
  // reaper to gateway: `id` of the request that started it
  CORRAL_STOPPED = 24,
  // guard to gateway: from now on a death of the gateway leaves nothing
  CORRAL_GUARD_READY = 25,
  // gateway to guard: the instance stands, move in
  CORRAL_INSTANCE_MADE = 26,
  // guard to gateway: out of your process tree; descriptor: its pidfd
  CORRAL_MOVED_IN = 27,
  // gateway to guard: end and remove the instance
  CORRAL_REMOVE_INSTANCE = 28,
  // guard to gateway, last; descriptor: pidfd of the process that removes the rest
  CORRAL_HANDED_OVER = 29,
  // gateway to reaper: write the session's line where the gateway is gone before it has; descriptor: the
  // words of it (record.h)
  CORRAL_RECORD = 30,
  // gateway to reaper: the line is written, or none is to be
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

// Below the root: all that is ours
#define CORRAL_DIRECTORY "corral"
// Below an instance: its sessions
#define CORRAL_SESSIONS "sessions"
// Below an instance: its guard
#define CORRAL_WARDEN "warden"
// Below a session: what its limits are of
#define CORRAL_LEAF "agent"
// Below that: its processes
#define CORRAL_INSIDE "in"
// Below the root: the gateway itself, where it sat in the root
#define CORRAL_SUPERVISOR "supervisor"
// Of an instance: its owner's pid, as the owner saw it
#define CORRAL_PID_LABEL "user.corral.pid"
// Of an instance or a session: the command line
#define CORRAL_COMMAND_LABEL "user.corral.command"
// Of a session: its command's name alone, for a ledger
#define CORRAL_PROGRAM_LABEL "user.corral.program"
// Of a session: how many processes lived in it when its end began that its owner does not see, and the
// names of the first of them, a line each
#define CORRAL_LIVED_LABEL "user.corral.lived"
// Of a session: oneshot or persistent
#define CORRAL_MODE_LABEL "user.corral.mode"
// Of a session's family: the key, where that is too long for a name. Believed only when its digest is the
// name
#define CORRAL_KEY_LABEL "user.corral.key"
// Of a session: set by who ends it from outside, to have its owner look at claim.ts. Owners of version
// 0.1.0 go by its value
#define CORRAL_KILLED_LABEL "user.corral.killed"
// Of an instance: the v1 memory cgroup of its sessions
#define CORRAL_MEMORY_LABEL "user.corral.memory"
// Of a session: who came into it first, for owners of version 0.1.0
#define CORRAL_LEADER_LABEL "user.corral.leader"
// Of a group: the CPU quota that an ending has lifted (quota.h)
#define CORRAL_QUOTA_LABEL "user.corral.quota"
// Reasons for which sessions end: src/common/reasons.ts
#define CORRAL_ONESHOT_COMPLETE "oneshot-complete"
// The same
#define CORRAL_CLOSED "closed"
// The same
#define CORRAL_TIMEOUT "timeout"
// The same
#define CORRAL_MEMORY_LIMIT "memory-limit"
// The same
#define CORRAL_KILLED_FROM_OUTSIDE "corral-kill"
// The same
#define CORRAL_HOLDER_KILLED "holder-killed"
// The same
#define CORRAL_GATEWAY_GONE "gateway-gone"
// The title of a guard (prctl(2), PR_SET_NAME)
#define CORRAL_GUARD_TITLE "corral-guard"
// The title of a keeper
#define CORRAL_KEEPER_TITLE "corral-keeper"
// The title of a reaper
#define CORRAL_REAPER_TITLE "corral-holder"
// What the names of doors begin with (door.h)
#define CORRAL_DOOR_PREFIX "corral-door-"

// Exit statuses of the warden
#define STATUS_FAILED 1
#define STATUS_USAGE 2
// of a number that is not ours
#define STATUS_PROTOCOL 3
// as of timeout(1)
#define STATUS_TIMED_OUT 124
// as of env(1) and timeout(1): found, but not to be run
#define STATUS_CANNOT_RUN 126
#define STATUS_NOT_FOUND 127
// and the signal's number
#define STATUS_SIGNALLED 128

#endif
