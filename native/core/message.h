// What a gateway, a guard, a keeper and a reaper say to each other (native/warden/reaper.h): messages over a
// SOCK_SEQPACKET socket, each whole or not at all, with descriptors.
#ifndef CORRAL_MESSAGE_H
#define CORRAL_MESSAGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "end.h"
#include "error.h"
#include "language.h"

#define CORRAL_MESSAGE_FDS 66 // a process's 64, its plan, and one to spare
#define CORRAL_MESSAGE_LEFT 256

struct corral_message {
  uint32_t kind, id;
  union corral_message_values values; // by kind: language.h
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

// A file in memory with these bytes, for a descriptor of a message; or -errno. -EFBIG: it is larger than
// RLIMIT_FSIZE allows, which holds for such files, too.
int corral_memory_file(const char *name, const char *bytes, size_t size);

// A file with this text, for a descriptor of a message, that nobody can change any more; or -errno.
int corral_text_file(const char *text, size_t length);

// Reads such a file, of `size` bytes at most: how many there are, or -errno; -EINVAL for any other. One of
// another kind could make the reader wait, or change meanwhile.
ssize_t corral_text_read(int file, char *text, size_t size);

void corral_fds_close(struct corral_fds *fds);

#endif
