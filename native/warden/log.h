// What the warden has to say, on stderr: one line that begins with "corral: ".
#ifndef CORRAL_LOG_H
#define CORRAL_LOG_H

#include "../core/error.h"
#include "../core/language.h"

// As printf(3). What is in it of others' (the name of a group that a session made, a word of a command line)
// is written out where a terminal would act upon it or not show it, as src/common/text.ts does it.
__attribute__((format(printf, 1, 2))) void log_message(const char *format, ...);

// The same, unless stderr would have us wait (a pipe that nobody reads, a terminal that was stopped): then it
// is not said. Takes the timer of alarm(2).
__attribute__((format(printf, 1, 2))) void log_at_once(const char *format, ...);

// As strerror(3); where a limit of ours was reached, with its value and what to do. The text is the next
// call's.
const char *log_reason(int number);

// What was tried, on what, and the kernel's answer.
void log_error(const char *what, const struct corral_error *error);

#endif
