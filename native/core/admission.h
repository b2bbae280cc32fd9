// How a child of the gateway that is always started with the same command line learns what to become
// (src/integrations/acpx). It asks at a socket in a directory of the gateway's own (0700), where nobody else
// can reach or make anything. Each side believes only the process that the kernel says the other is: the
// child its parent, as whose child it was started, and the gateway a child of its own that lives. Nothing is
// asked in words: who connects is told, or is hung up on, at once, so that nobody can hold a descriptor of
// the gateway.
#ifndef CORRAL_ADMISSION_H
#define CORRAL_ADMISSION_H

#include <stddef.h>
#include <sys/types.h>

#define CORRAL_ADMISSION_BYTES 65536 // an answer: one message, far below what a socket takes by default

// Listens in that directory. The socket, or -errno: -EPERM when the directory is not ours alone.
int corral_admission_open(const char *directory);

// The next that asks. A socket to answer to, and close, with its pid; or -errno: -EAGAIN when there is
// nobody, -EPERM when it was no child of ours, and was hung up on.
int corral_admission_next(int listener, pid_t *pid);

// Asks, until there is an answer. Its length, or -errno: -ESRCH when `gateway` is not our parent (any more),
// -ENOENT or -ECONNREFUSED when it has closed, -EPERM when the directory, or who listens there, is not its.
int corral_admission_ask(const char *directory, pid_t gateway, char answer[CORRAL_ADMISSION_BYTES]);

#endif
