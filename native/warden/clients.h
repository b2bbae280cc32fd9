// Who has come to a reaper by its door (native/core/door.h): visitors, and the reapers of commands that
// others started.
#ifndef CORRAL_CLIENTS_H
#define CORRAL_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct client {
  int fd;
  uint32_t id;     // of one that has joined; 0: a visitor
  pid_t pid;       // of the reaper that has joined, or of what connected for it
  bool left;       // the command of that has ended
  bool awaits_end; // is to be told of the end
};

// So many at once: visitors ask and go, and what a message can name is CORRAL_MESSAGE_LEFT.
#define CLIENTS_VISITING 64
#define CLIENTS_JOINED 256

struct clients {
  int any;  // epoll: readable when somebody comes, or says something
  int door; // -1: nobody is let in (any more)
  struct client *list;
  size_t count, capacity;
  uint32_t last_id;
};

// Opens the door. False where it cannot be; then nobody comes.
bool clients_open(struct clients *clients, int64_t *high, int64_t *low);

// Has `any` tell of this descriptor, too.
void clients_watch(const struct clients *clients, int fd);

// Lets in who stands before the door. Where there are too many visitors, the one that came first has to go.
void clients_accept(struct clients *clients);

// Closes the connection. The next in the list takes its place.
void clients_drop(struct clients *clients, struct client *client);

// How many have joined and are still there.
size_t clients_joined(const struct clients *clients);

#endif
