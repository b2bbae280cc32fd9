// Characters of UTF-8 (utf-8(7)).
#ifndef CORRAL_UTF8_H
#define CORRAL_UTF8_H

#include <stddef.h>
#include <stdint.h>

// The character at `text`, which a NUL ends, and how many bytes it has; 0: no UTF-8.
size_t corral_utf8_read(const char *text, uint32_t *character);

#endif
