// The one way in which native/core reports an error: what was tried, on which path, and the kernel's answer.
#ifndef CORRAL_ERROR_H
#define CORRAL_ERROR_H

struct corral_error {
  int number;            // errno, positive; 0 while nothing went wrong
  const char *operation; // the system call or step that was refused, a string literal
  char path[1024];       // what it was tried on; cut off where longer, "" where there is no path
};

// Fills `error` and returns -number, so that a caller can `return corral_fail(...)`.
int corral_fail(struct corral_error *error, int number, const char *operation, const char *path);

#endif
