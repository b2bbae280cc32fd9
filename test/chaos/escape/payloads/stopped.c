/* Outlives by standing still: stopped processes take no SIGTERM until somebody continues them. */
#include "detach.h"

enum { PROCESSES = 10 };

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  for (int i = 0; i < PROCESSES; i++) {
    pid_t child = fork_own_session();
    if (child == 0) {
      raise(SIGSTOP);
      wait_for_the_end();
    }
    int status;
    if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status))
      fail("a process did not stop");
  }
  return stay_or_leave(argc, argv);
}
