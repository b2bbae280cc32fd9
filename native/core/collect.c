#include "collect.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

#include "account.h"
#include "language.h"

int64_t corral_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int end_now(const struct corral_path *group, const struct corral_end_plan *plan, bool remove,
                   bool outside, struct corral_error *error) {
  struct corral_end_plan at_once = *plan;
  at_once.grace_ms = 0;
  at_once.remove = remove;
  at_once.outside = outside;
  at_once.leader_fd = -1;
  struct corral_end end;
  corral_end_begin(&end, group, &at_once, corral_now_ms());
  for (int64_t wait_ms; (wait_ms = corral_end_step(&end, corral_now_ms())) >= 0;) {
    struct pollfd events = {.fd = end.events_fd, .events = POLLPRI};
    if (end.wants_pass)
      corral_end_look(&end);
    else if (wait_ms > 0)
      (void)poll(&events, 1, (int)wait_ms);
  }
  int answer = 0;
  if (end.state == CORRAL_STUCK)
    answer = corral_fail(error, EBUSY, "kill", group->path);
  else if (end.state == CORRAL_FAILED)
    answer = corral_fail(error, end.error.number, end.error.operation, end.error.path);
  corral_end_finish(&end);
  return answer;
}

int corral_collect(const struct corral_path *group, const struct corral_end_plan *plan,
                   struct corral_error *error) {
  return end_now(group, plan, true, false, error);
}

int corral_collect_sessions(const struct corral_path *sessions, const struct corral_end_plan *plan,
                            struct corral_error *error) {
  struct corral_error refused;
  if (plan->ledger) {
    struct corral_record known = corral_record_unknown();
    known.reason = CORRAL_GATEWAY_GONE;
    corral_record_note(sessions);
    const int answer = end_now(sessions, plan, false, true, error);
    if (answer < 0)
      return answer;
    (void)corral_account_write(plan->ledger, sessions, &known, &refused);
  }
  return end_now(sessions, plan, true, true, error);
}

int corral_empty(const struct corral_path *group, const struct corral_end_plan *plan,
                 struct corral_error *error) {
  return end_now(group, plan, false, false, error);
}
