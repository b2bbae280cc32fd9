// What a gateway, a keeper and a reaper say to each other (native/warden/reaper.h): messages over a
// SOCK_SEQPACKET socket, each whole or not at all, with descriptors.
#ifndef CORRAL_MESSAGE_H
#define CORRAL_MESSAGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "end.h"
#include "error.h"

#define CORRAL_MESSAGE_FDS 66 // a process's 64, its plan, and one to spare
#define CORRAL_MESSAGE_LEFT 256

enum corral_message_kind {
  // gateway to keeper
  CORRAL_START_REAPER = 1, // start a reaper; descriptor: its end of the lifeline
  CORRAL_COLLECT,          // answer CORRAL_CLEAN when no lost property is left
  CORRAL_END_ALL,          // end all and exit
  // gateway to reaper
  CORRAL_SPAWN, // start a process; descriptors: its plan, then those that the plan says are the caller's
  // end all, and exit when all is ended; `number`: grace in ms, or less than 0: time for draining; `second`:
  // bound
  // on killing, in ms; `id`: the signal that asks (0: SIGTERM)
  CORRAL_END,
  // keeper to gateway
  CORRAL_KEEPER_READY, // descriptor: its pidfd
  CORRAL_CLEAN,        // `killed`, `names`, `left`: since the last one
  // reaper to gateway
  CORRAL_REAPER_READY, // descriptor: its pidfd; `number`: pid, `second`: its mark (mark.h), 0: none
  CORRAL_STARTED,      // `id` of the request; `number`: pid; descriptor: the pidfd
  CORRAL_REFUSED,      // `id` of the request, and `error`
  CORRAL_EXITED, // `id` of the request that started it; `number`: exit code or -1, `second`: signal or 0
  CORRAL_ENDED,  // `killed`, `names`, `left` and the CPU time of all; where nothing is left it exits
  // The rest is about a reaper's door (door.h). Gateway to reaper
  CORRAL_LABELS, // descriptor: the text that it shows
  // reaper to gateway
  CORRAL_DOOR,          // `number`, `second`: of the door's name; 0: there is none
  CORRAL_END_REQUESTED, // a visitor has it end all
  // `id` of who came in, `number`: pid of its own reaper; descriptor: pidfd of its keeper. Both as the kernel
  // tells them:
  // what a visitor says of a pid, or sends for a pidfd, is not believed
  CORRAL_ENTERED,
  CORRAL_LEFT, // `id`: its command has ended; what that left may live
  // visitor to reaper, with its protocol (protocol.h) as `id`; an unknown one is CORRAL_REFUSED with
  // EPROTONOSUPPORT and
  // the reaper's. CORRAL_END too, which CORRAL_ENDED answers
  CORRAL_SHOW, // answer CORRAL_SHOWN
  // answer CORRAL_JOINED; `number`: pid of a reaper, which is a child of the process that connected: its
  // keeper. It is told
  // CORRAL_END, says CORRAL_LEFT and CORRAL_ENDED, and ends all when the connection ends. Descriptor: pidfd
  // of its keeper,
  // which only reapers of older releases look at
  CORRAL_JOIN,
  // reaper to visitor, with its protocol as `id`
  CORRAL_SHOWN, // descriptor: the text, if there is any; `left`: the pids of the reapers that have joined
  CORRAL_JOINED,
  // reaper to gateway
  CORRAL_OUT, // `id` of who came in: the connection has ended, so nothing of it is held any more
  // gateway to reaper
  CORRAL_CANCEL, // `id` of a CORRAL_SPAWN; `number`: errno of the CORRAL_REFUSED that answers it
  // reaper to gateway
  CORRAL_STOPPED, // `id` of the request that started it; `number`: the signal
};

struct corral_message {
  uint32_t kind, id;
  int64_t number, second;
  // Only of those that have it: the others are sent up to here
  uint64_t killed;
  int64_t cpu_user_us, cpu_system_us;
  uint32_t name_count, left_count;
  char names[CORRAL_NAMES][CORRAL_NAME_BYTES];
  int32_t left[CORRAL_MESSAGE_LEFT];
  int32_t error_number;
  char error_operation[64], error_path[1024];
};

struct corral_fds {
  int fds[CORRAL_MESSAGE_FDS];
  size_t count;
};

// Never blocks. 0, or -errno: -EPIPE when the other side is gone, -EAGAIN when it does not read.
int corral_message_send(int socket, const struct corral_message *message, const struct corral_fds *fds);

// Never blocks. 1, and the message, with descriptors that are the caller's to close; 0 at the end of the
// other side; or -errno: -EAGAIN when there is none.
int corral_message_receive(int socket, struct corral_message *message, struct corral_fds *fds);

// What a CORRAL_END says, and one that says it.
struct corral_end_plan corral_end_plan_of(const struct corral_message *message);
struct corral_message corral_end_message(const struct corral_end_plan *plan);

// A file with this text, for a descriptor of a message, that nobody can change any more; or -errno.
int corral_text_file(const char *text, size_t length);

// Reads such a file, of `size` bytes at most: how many there are, or -errno; -EINVAL for any other. One of
// another kind could make whoever reads it wait, or change meanwhile.
ssize_t corral_text_read(int file, char *text, size_t size);

void corral_fds_close(struct corral_fds *fds);

#endif
