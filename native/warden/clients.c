#define _GNU_SOURCE
#include "clients.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "../core/door.h"
#include "../core/grow.h"
#include "../core/own.h"
#include "../core/pidfd.h"

bool clients_open(struct clients *clients, int64_t *high, int64_t *low) {
  *clients = (struct clients){.any = epoll_create1(EPOLL_CLOEXEC), .door = -1};
  if (clients->any >= 0)
    clients->door = corral_door_open(high, low);
  if (clients->door < 0)
    return false;
  clients_watch(clients, clients->door);
  return true;
}

void clients_watch(const struct clients *clients, int fd) {
  struct epoll_event event = {.events = EPOLLIN};
  (void)epoll_ctl(clients->any, EPOLL_CTL_ADD, fd, &event);
}

// How many more visitors there is room for. Where there is none, the one that came first has to go, and makes
// room for one: all that is said so far has been heard by then.
static size_t make_room(struct clients *clients) {
  struct client *first = NULL; // they are in the order in which they came
  size_t visiting = 0;
  for (size_t i = clients->count; i-- > 0;) {
    struct client *client = &clients->list[i];
    visiting += client->id == 0;
    if (client->id == 0 && (!client->awaits_end || !first))
      first = client;
  }
  if (visiting < CLIENTS_VISITING)
    return CLIENTS_VISITING - visiting;
  clients_drop(clients, first);
  return 1;
}

static bool add_client(struct clients *clients, int fd) {
  if (!corral_grow(&clients->list, &clients->capacity, clients->count + 1, sizeof *clients->list))
    return false;
  clients->list[clients->count++] = (struct client){.fd = fd};
  clients_watch(clients, fd);
  return true;
}

void clients_accept(struct clients *clients) {
  if (!corral_readable(clients->door, 0))
    return;
  for (size_t room = make_room(clients); clients->door >= 0 && room > 0; room--) {
    int fd = corral_door_let_in(clients->door);
    if (fd == -EAGAIN)
      return;
    if (fd < 0) // no descriptor left: who waits would wake us for ever
      corral_drop_fd(&clients->door);
    else if (!add_client(clients, fd))
      close(fd);
  }
}

void clients_drop(struct clients *clients, struct client *client) {
  const size_t behind = (size_t)(clients->list + clients->count - client) - 1;
  close(client->fd);
  memmove(client, client + 1, behind * sizeof *client);
  clients->count--;
}

size_t clients_joined(const struct clients *clients) {
  size_t joined = 0;
  for (size_t i = 0; i < clients->count; i++)
    joined += clients->list[i].id != 0;
  return joined;
}
