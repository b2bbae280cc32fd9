#include "grow.h"

#include <stdlib.h>
#include <string.h>

#define FEWEST 8

bool corral_grow(void *list, size_t *capacity, size_t needed, size_t each) {
  if (needed <= *capacity)
    return true;
  size_t wanted = *capacity ? *capacity * 2 : FEWEST;
  while (wanted < needed)
    wanted *= 2;
  void *first; // a pointer of another type may not be read as one to void
  memcpy(&first, list, sizeof first);
  first = realloc(first, wanted * each);
  if (!first)
    return false;
  memcpy(list, &first, sizeof first);
  *capacity = wanted;
  return true;
}
