// What a gateway and the library that makes its calls fail share: a file of this form, mapped by the one,
// written by the other (test/chaos/faults/control.mjs knows the offsets).
#ifndef CORRAL_FAULTS_CONTROL_H
#define CORRAL_FAULTS_CONTROL_H

#include <stdint.h>

#define LABEL 256

enum mode { OFF, RECORD, FAIL_ONCE, FAIL_FROM_THERE_ON };

struct control {
  volatile int32_t pid;                   // of the program that it is for; 0: the first that comes
  volatile uint32_t mode;                 // 4: enum mode
  volatile uint64_t text_start, text_end; // 8: where the addon's code is
  volatile uint32_t nth;                  // 24: which of the calls with this label fails, from 1
  volatile uint32_t number;               // 28: with which errno
  volatile uint32_t seen, fired;          // 32: how many there were, and how many have failed
  volatile uint32_t length;               // 40: of the record
  uint32_t unused;                        // 44
  char root[1024], twin[1024];            // 48: the calls on paths below these are ours
  volatile char target[LABEL];            // 2096: the label of the call that fails
  volatile char record[1 << 20];          // 2352: a line for each call
};

#endif
