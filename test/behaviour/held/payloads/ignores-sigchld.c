/* A library that has the process that loads it ignore SIGCHLD, as a host may that embeds Node. */
#include <signal.h>

__attribute__((constructor)) static void ignore(void) {
  signal(SIGCHLD, SIG_IGN);
}
