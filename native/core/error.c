#include "error.h"

#include <stdio.h>

int corral_fail(struct corral_error *error, int number, const char *operation, const char *path) {
  error->number = number;
  error->operation = operation;
  snprintf(error->path, sizeof error->path, "%s", path ? path : "");
  return -number;
}
