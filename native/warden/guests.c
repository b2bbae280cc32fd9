#define _GNU_SOURCE
#include "guests.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "../core/door.h"
#include "../core/own.h"

bool guests_open(struct guests *guests, int64_t *number, int64_t *second) {
  *guests = (struct guests){.any = epoll_create1(EPOLL_CLOEXEC), .door = -1};
  if (guests->any >= 0)
    guests->door = corral_door_open(number, second);
  if (guests->door < 0)
    return false;
  guests_watch(guests, guests->door);
  return true;
}

void guests_watch(const struct guests *guests, int fd) {
  struct epoll_event event = {.events = EPOLLIN};
  (void)epoll_ctl(guests->any, EPOLL_CTL_ADD, fd, &event);
}

// How many more visitors there is room for. Where there is none, the one that came first has to go, and makes
// room for one: all that is said so far has been heard by then.
static size_t make_room(struct guests *guests) {
  struct guest *first = NULL; // they are in the order in which they came
  size_t visiting = 0;
  for (size_t i = guests->count; i-- > 0;) {
    struct guest *guest = &guests->list[i];
    visiting += guest->id == 0;
    if (guest->id == 0 && (!guest->awaits_end || !first))
      first = guest;
  }
  if (visiting < GUESTS_VISITING)
    return GUESTS_VISITING - visiting;
  guests_let_out(guests, first);
  return 1;
}

static bool take(struct guests *guests, int fd) {
  if (guests->count == guests->capacity) {
    size_t capacity = guests->capacity ? guests->capacity * 2 : 4;
    struct guest *list = realloc(guests->list, capacity * sizeof *list);
    if (!list)
      return false;
    guests->list = list;
    guests->capacity = capacity;
  }
  guests->list[guests->count++] = (struct guest){.fd = fd};
  guests_watch(guests, fd);
  return true;
}

void guests_let_in(struct guests *guests) {
  struct pollfd knock = {.fd = guests->door, .events = POLLIN};
  if (guests->door < 0 || poll(&knock, 1, 0) <= 0)
    return;
  for (size_t room = make_room(guests); guests->door >= 0 && room > 0; room--) {
    int fd = corral_door_let_in(guests->door);
    if (fd == -EAGAIN)
      return;
    if (fd < 0) // no descriptor left: who waits would wake us for ever
      corral_drop_fd(&guests->door);
    else if (!take(guests, fd))
      close(fd);
  }
}

void guests_let_out(struct guests *guests, struct guest *guest) {
  const size_t behind = (size_t)(guests->list + guests->count - guest) - 1;
  close(guest->fd);
  memmove(guest, guest + 1, behind * sizeof *guest);
  guests->count--;
}

size_t guests_joined(const struct guests *guests) {
  size_t joined = 0;
  for (size_t i = 0; i < guests->count; i++)
    joined += guests->list[i].id != 0;
  return joined;
}
