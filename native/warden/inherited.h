// What the program that starts `corral run` gives its command besides stdio: descriptors, signals that are
// ignored or blocked, its umask, its limits, LISTEN_PID. Without us in between the command would have
// it, so it gets it.
#ifndef CORRAL_INHERITED_H
#define CORRAL_INHERITED_H

#include "../core/message.h"
#include "../core/spawn_child.h"

#define INHERITED_MAX (CORRAL_MESSAGE_FDS - 5) // beside stdio and a plan in one message

struct inherited {
  uint64_t ignored, blocked; // signals: bit N - 1 is signal N
  struct corral_attributes attributes;
  int fds[INHERITED_MAX]; // above stdio, below CORRAL_MAX_STDIO; the descriptors are ours, too
  size_t count;
};

// Notes it, before anything of it is changed. Descriptors that are too many or too high are closed.
void inherited_note(struct inherited *inherited);

// The descriptors of the command, under the numbers that they have here: how many.
size_t inherited_stdio(const struct inherited *inherited, struct corral_stdio stdio[CORRAL_MAX_STDIO]);

// What else of it a plan has.
void inherited_apply(const struct inherited *inherited, struct corral_spawn_plan *plan);

// Gives this very process back, before it becomes the command, what its program had changed, as far as it is
// given: ~0 is not.
void inherited_restore(uint64_t ignored, uint64_t blocked, uint64_t open_files);

// The command has them, or never will: a process that waits for their ends must not wait for ours.
void inherited_drop(struct inherited *inherited);

#endif
