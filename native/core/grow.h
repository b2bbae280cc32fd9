// Lists that grow.
#ifndef CORRAL_GROW_H
#define CORRAL_GROW_H

#include <stdbool.h>
#include <stddef.h>

// Makes room for `needed` items of `each` bytes in a list; `list` points to the pointer to the first of them.
// False where there is no memory: then it is as it was.
bool corral_grow(void *list, size_t *capacity, size_t needed, size_t each);

#endif
