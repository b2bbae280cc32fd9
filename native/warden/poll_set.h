// What guard, keeper and reaper wait for: a word of the gateway's, its end, the end of a child, and, where
// somebody sets these poll_set, a word of others, and what comes of a start.
#ifndef CORRAL_POLL_SET_H
#define CORRAL_POLL_SET_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "../core/message.h"

// The number of the first descriptor that is kept, right behind stdio
#define KEPT_FD 3
#define KEPT_FDS 2

enum poll_slot { LIFELINE, OWNER, CHILDREN, CLIENTS, STARTS, POLL_SLOTS };

struct poll_set {
  struct pollfd of[POLL_SLOTS];
};

struct poll_set_plan {
  const char *name; // of this process
  int lifeline;
  int owner; // pidfd
  // Stay in the session, process group and directory of the owner: those of the processes to come. In the
  // same group, so that this process does not change what that group means to the terminal.
  bool in_place;
  bool childless; // no child ends here
  // Further descriptors that stay open, as KEPT_FD and the next; -1: none
  int kept[KEPT_FDS];
};

// A process below this one that loses its parent comes to it. Ends it where that fails. A parent and its
// child must not become subreapers at the same time: the kernel tells all below a new one in the very word in
// which it notes that one of those is one itself, and without a lock that both would take, so that the
// child's note can be lost (is_child_subreaper and has_child_subreaper of include/linux/sched/signal.h,
// PR_SET_CHILD_SUBREAPER in kernel/sys.c; one of 2000 such pairs). A child of one that is one
// already has been told.
void become_subreaper(void);

// Puts this process into a session of its own, with its working directory at the top, unless it is to stay,
// with nothing of its parent's but these descriptors: SIGKILL and SIGSTOP are all that reaches it. Ends it
// where that fails.
void poll_set_open(struct poll_set *poll_set, const struct poll_set_plan *plan);

// Waits, for `wait_ms` at most or, where that is negative, for ever.
void poll_wait(struct poll_set *poll_set, int64_t wait_ms);

// The owner's next word: 1, 0 when there is none, -1 when the owner is gone. The lifeline ends as soon as the
// kernel closes the owner's files, unless a child that it was just starting has a copy; the pidfd knows of no
// copies.
int poll_receive(struct poll_set *poll_set, struct corral_message *message, struct corral_fds *fds);

// Says something to the owner, and waits until there is room for it. False when the owner is gone.
bool poll_send(struct poll_set *poll_set, const struct corral_message *message, int fd);

#endif
