// A holder and those who come by its door; and one that has gone in by the door of another.
#ifndef CORRAL_HOLD_GUESTS_H
#define CORRAL_HOLD_GUESTS_H

#include "../core/message.h"
#include "holder.h"

// Opens a door, and tells the owner its name.
void open_door(struct holder *holder);

// Joins the session at whose door KEPT_FD is connected. Where that is refused, tells the owner so, and exits.
void join_or_exit(struct holder *holder);

// Hears what there is to be heard, of guests and of the session that was joined.
void hear_guests(struct holder *holder);
void hear_host(struct holder *holder);

// Tells those that have joined to end.
void end_guests(struct holder *holder, const struct corral_end_plan *plan, int64_t now_ms);

// Adds to `message` what those that have joined came to, and whether they are all gone.
void add_guests_end(struct holder *holder, struct corral_message *message);

// Tells of the end those who asked for it, and the session that was joined.
void tell_guests(const struct holder *holder, const struct corral_message *ended);

// A message to a guest or host, with a descriptor or -1.
void say(int socket, const struct corral_message *message, int fd);

#endif
