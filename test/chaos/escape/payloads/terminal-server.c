/* Outlives as tmux does: a server in a session of its own that listens on a socket and has a terminal, with a
   shell in a session of its own on that. A hangup of the leader's terminal reaches neither. */
#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "detach.h"

/* By a name in no directory, so that there is nothing to be removed. */
static void listen_somewhere(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  /* An address without a path: the kernel gives it an abstract one (unix(7), autobind). */
  if (server < 0 || bind(server, (struct sockaddr *)&address, offsetof(struct sockaddr_un, sun_path)) != 0 ||
      listen(server, 1) != 0)
    fail("socket");
}

static void become_shell(int terminal, arrivals in_place) {
  if (ioctl(terminal, TIOCSCTTY, 0) != 0)
    fail("TIOCSCTTY");
  for (int fd = 0; fd < 3; fd++)
    if (dup2(terminal, fd) < 0)
      fail("dup2");
  arrive(in_place);
  execl("/bin/sh", "sh", "-c", "exec sleep 300", NULL);
  fail("/bin/sh");
}

static void serve(arrivals in_place) {
  listen_somewhere();
  int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
    cannot("posix_openpt");
  int terminal = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (terminal < 0)
    fail("the terminal");
  if (fork_own_session() == 0)
    become_shell(terminal, in_place);
  close(terminal);
  arrive(in_place);
  wait_for_the_end();
}

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  arrivals in_place = expect_arrivals();
  if (fork_orphan() == 0)
    serve(in_place);
  await_arrivals(in_place, 2);
  return stay_or_leave(argc, argv);
}
