#include "summary.h"

#include <stdio.h>

#include "log.h"

#define SUMMARY_BYTES 160

static void add_time(char text[SUMMARY_BYTES], int64_t ms) {
  const long long seconds = ms / 1000;
  if (seconds < 60)
    snprintf(text, SUMMARY_BYTES, "%lld.%lld s", seconds, (long long)ms % 1000 / 100);
  else if (seconds < 3600)
    snprintf(text, SUMMARY_BYTES, "%lld min %lld s", seconds / 60, seconds % 60);
  else
    snprintf(text, SUMMARY_BYTES, "%lld h %lld min", seconds / 3600, seconds % 3600 / 60);
}

// As src/cli/format.ts does it.
static void add_bytes(char text[SUMMARY_BYTES], int64_t bytes) {
  static const char units[] = "BKMGT";
  double amount = (double)bytes;
  size_t unit = 0;
  for (; amount >= 1024 && units[unit + 1]; unit++)
    amount /= 1024;
  snprintf(text, SUMMARY_BYTES, "%.*f%c", unit == 0 || amount >= 100 ? 0 : 1, amount, units[unit]);
}

void summary_log(int64_t took_ms, const struct corral_record *known) {
  char took[SUMMARY_BYTES], cpu[SUMMARY_BYTES] = "", memory[SUMMARY_BYTES] = "", killed[SUMMARY_BYTES] = "";
  add_time(took, took_ms);
  if (known->usage.cpu_us >= 0)
    add_time(cpu, known->usage.cpu_us / 1000);
  if (known->usage.memory_peak >= 0)
    add_bytes(memory, known->usage.memory_peak);
  if (known->killed >= 0)
    snprintf(killed, sizeof killed, ", %lld killed", (long long)known->killed);
  log_at_once("%s%s%s%s%s%s%s", took, *cpu ? ", " : "", cpu, *cpu ? " of CPU" : "",
              *memory ? ", peak memory " : "", memory, killed);
}
