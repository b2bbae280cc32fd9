#include "memory_watch.h"

#include <unistd.h>

#include "../core/collect.h"
#include "../core/memory.h"
#include "../core/memory_v1.h"
#include "log.h"

// As src/backend/watchdog.ts, where the reasons stand.
#define GROWTH_BYTES_PER_MS ((1 << 30) / 1000)
#define SOONEST_MS 20
#define LATEST_MS 1000
#define PAUSE_PER_LOOK 10
// The kernel gives word before it kills.
#define OFTEN_MS 1000
#define OFTEN_LOOK_MS 2

void memory_watch_begin(struct memory_watch *watch, int64_t now_ms) {
  watch->event_fd = watch->memory_group ? corral_memory_v1_watch(watch->memory_group) : -1;
  watch->look_ms = watch->event_fd >= 0 || (watch->cap && !watch->memory_group) ? now_ms : -1;
  watch->often_until_ms = 0;
}

static bool look_at_kills(struct memory_watch *watch, int64_t now_ms) {
  uint64_t words;
  if (read(watch->event_fd, &words, sizeof words) == sizeof words)
    watch->often_until_ms = now_ms + OFTEN_MS;
  watch->look_ms = now_ms < watch->often_until_ms ? now_ms + OFTEN_LOOK_MS : -1;
  if (corral_memory_v1_kills(watch->memory_group) <= 0)
    return false;
  log_message("memory ran out: the session is ended");
  return true;
}

static int64_t between(int64_t least, int64_t value, int64_t most) {
  return value < least ? least : value > most ? most : value;
}

static int64_t memory_used(const struct memory_watch *watch) {
  return watch->group ? corral_memory_used(watch->group, watch->cap)
                      : corral_memory_below(watch->reaper, watch->cap);
}

static bool look_at_use(struct memory_watch *watch, int64_t now_ms) {
  int64_t used = memory_used(watch), took_ms = corral_now_ms() - now_ms;
  int64_t wait_ms = between(SOONEST_MS, (watch->cap - used) / GROWTH_BYTES_PER_MS, LATEST_MS);
  watch->look_ms = now_ms + (wait_ms > took_ms * PAUSE_PER_LOOK ? wait_ms : took_ms * PAUSE_PER_LOOK);
  if (used <= watch->cap)
    return false;
  log_message("the session uses %lld bytes of memory, and may use %lld: it is ended", (long long)used,
              (long long)watch->cap);
  return true;
}

bool memory_watch_step(struct memory_watch *watch, int64_t now_ms) {
  if (watch->look_ms > now_ms)
    return false;
  bool over = watch->event_fd >= 0 ? look_at_kills(watch, now_ms) : look_at_use(watch, now_ms);
  if (over)
    watch->look_ms = -1;
  return over;
}
