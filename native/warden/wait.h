// How long to wait, in ms.
#ifndef CORRAL_WAIT_H
#define CORRAL_WAIT_H

#include <stdint.h>

#include "../core/collect.h"

// The lesser of two waits; a negative one is for ever.
static inline int64_t sooner(int64_t wait_ms, int64_t other_ms) {
  return wait_ms < 0 || (other_ms >= 0 && other_ms < wait_ms) ? other_ms : wait_ms;
}

// How long it is until then, by corral_now_ms(); 0 when that was.
static inline int64_t until(int64_t then_ms) {
  int64_t left = then_ms - corral_now_ms();
  return left > 0 ? left : 0;
}

#endif
