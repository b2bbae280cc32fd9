#include "children.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "own.h"

void corral_keep_exits(void) {
  struct sigaction now;
  if (sigaction(SIGCHLD, NULL, &now) < 0)
    return;
  const bool ignored = !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_IGN;
  if (!ignored && !(now.sa_flags & SA_NOCLDWAIT))
    return;
  if (ignored)
    now.sa_handler = SIG_DFL;
  now.sa_flags &= ~SA_NOCLDWAIT;
  (void)sigaction(SIGCHLD, &now, NULL);
}

bool corral_is_unkillable(void) {
  char text[8] = "";
  CORRAL_OWNED_FD fd = open(CORRAL_OOM_SCORE_FILE, O_RDONLY | O_CLOEXEC);
  return fd >= 0 && read(fd, text, sizeof text - 1) > 0 &&
         !strncmp(text, CORRAL_UNKILLABLE, strlen(CORRAL_UNKILLABLE));
}

void corral_make_killable(void) {
  if (!corral_is_unkillable())
    return;
  CORRAL_OWNED_FD fd = open(CORRAL_OOM_SCORE_FILE, O_WRONLY | O_CLOEXEC);
  if (fd >= 0)
    (void)!write(fd, CORRAL_KILLABLE, strlen(CORRAL_KILLABLE));
}
