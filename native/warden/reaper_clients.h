// A reaper and those who come by its door; and one that has gone in by the door of another.
#ifndef CORRAL_REAPER_CLIENTS_H
#define CORRAL_REAPER_CLIENTS_H

#include "../core/message.h"
#include "reaper_state.h"

// Opens a door, and tells the owner its name.
void open_door(struct reaper *reaper);

// Joins the session at whose door KEPT_FD is connected. Where that is refused, tells the owner so, and exits.
void join_or_exit(struct reaper *reaper);

// Takes what there is of clients, and of the session that was joined. True when one of them wants all to be
// ended, as `plan` says: there may be more then.
bool receive_from_clients(struct reaper *reaper, struct corral_end_plan *plan);
bool receive_from_host(struct reaper *reaper, struct corral_end_plan *plan);

// Tells those that have joined to end.
void end_clients(struct reaper *reaper, const struct corral_end_plan *plan, int64_t now_ms);

// Adds to `message` what those that have joined came to, and whether they are all gone.
void add_clients_end(struct reaper *reaper, struct corral_message *message);

// Tells of the end those who asked for it, and the session that was joined.
void send_end_to_clients(const struct reaper *reaper, const struct corral_message *ended);

// A message to a client or host, with a descriptor or -1.
void send_to(int socket, const struct corral_message *message, int fd);

#endif
