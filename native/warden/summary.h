// The line of `corral run` for people, at its end.
#ifndef CORRAL_SUMMARY_H
#define CORRAL_SUMMARY_H

#include <stdint.h>

#include "../core/record.h"

// How long it took, and of `known` what is: CPU time, peak memory, how many were killed. An stderr that does
// not take the line now goes without.
void summary_log(int64_t took_ms, const struct corral_record *known);

#endif
