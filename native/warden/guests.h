// Who has come to a holder by its door (native/core/door.h): visitors, and the holders of commands that
// others started.
#ifndef CORRAL_GUESTS_H
#define CORRAL_GUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct guest {
  int fd;
  uint32_t id;     // of one that has joined; 0: a visitor
  pid_t pid;       // of the holder that has joined, or of what connected for it
  bool left;       // the command of that has ended
  bool awaits_end; // is to be told of the end
};

// So many at once: visitors ask and go, and what a message can name is CORRAL_MESSAGE_LEFT.
#define GUESTS_VISITING 64
#define GUESTS_JOINED 256

struct guests {
  int any;  // epoll: readable when somebody comes, or says something
  int door; // -1: nobody is let in (any more)
  struct guest *list;
  size_t count, capacity;
  uint32_t last_id;
};

// Opens the door. False where it cannot be; then nobody comes.
bool guests_open(struct guests *guests, int64_t *number, int64_t *second);

// Has `any` tell of this descriptor, too.
void guests_watch(const struct guests *guests, int fd);

// Lets in who stands before the door. Where there are too many visitors, the one that came first has to go.
void guests_let_in(struct guests *guests);

// Closes the connection. The next in the list takes its place.
void guests_let_out(struct guests *guests, struct guest *guest);

// How many have joined and are still there.
size_t guests_joined(const struct guests *guests);

#endif
