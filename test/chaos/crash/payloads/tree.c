/* An agent's tree: a leader, and three that outlive him each in another way: a daemon, a stopped process and
   one that is deaf to every polite signal. Four processes in all. */
#define LIFETIME_SECONDS 300 /* a neighbour of the dead lives through all rounds of a test */
#include "../../escape/payloads/detach.h"

static void start_daemon(arrivals in_place) {
  if (fork_orphan() != 0)
    return;
  arrive(in_place);
  wait_for_the_end();
}

static void start_deaf(arrivals in_place) {
  if (fork_own_session() != 0)
    return;
  static const int polite[] = {SIGTERM, SIGHUP, SIGINT};
  for (size_t i = 0; i < sizeof polite / sizeof *polite; i++)
    signal(polite[i], SIG_IGN);
  arrive(in_place);
  wait_for_the_end();
}

static void start_stopped(void) {
  pid_t child = fork_own_session();
  if (child == 0) {
    raise(SIGSTOP);
    wait_for_the_end();
  }
  int status;
  if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status))
    fail("a process did not stop");
}

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  arrivals in_place = expect_arrivals();
  start_daemon(in_place);
  start_deaf(in_place);
  start_stopped();
  await_arrivals(in_place, 2);
  return stay_or_leave(argc, argv);
}
