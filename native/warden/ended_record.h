// What a reaper says of the end of its session, in a line of a ledger.
#ifndef CORRAL_ENDED_RECORD_H
#define CORRAL_ENDED_RECORD_H

#include "../core/message.h"
#include "../core/record.h"

#define RECORD_WORDS 65536 // the words of a line: two keys of 4,096 bytes, escaped, a path, a command line

// `names` has to live as long as the record.
static inline void record_ended(struct corral_record *record, const struct corral_message *ended,
                                const char *names[CORRAL_NAMES]) {
  record->killed = (int64_t)ended->killed;
  for (uint32_t i = 0; i < ended->name_count; i++)
    names[i] = ended->names[i];
  record->names = names;
  record->name_count = ended->name_count;
  record->usage.cpu_user_us = ended->cpu_user_us;
  record->usage.cpu_system_us = ended->cpu_system_us;
  record->usage.cpu_us = ended->cpu_user_us + ended->cpu_system_us;
}

#endif
