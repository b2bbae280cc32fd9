#include "utf8.h"

#include <stdbool.h>

size_t corral_utf8_read(const char *text, uint32_t *character) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const unsigned char *bytes = (const unsigned char *)text;
  size_t length = *bytes < 0x80 ? 1 : *bytes >= 0xf0 ? 4 : *bytes >= 0xe0 ? 3 : 2;
  if (*bytes > 0xf7 || (*bytes & 0xc0) == 0x80)
    return 0;
  *character = length == 1 ? *bytes : *bytes & (0x7fU >> length);
  for (size_t i = 1; i < length; i++) {
    if ((bytes[i] & 0xc0) != 0x80) // the NUL at the end is none of these either
      return 0;
    *character = *character << 6 | (bytes[i] & 0x3fU);
  }
  const bool surrogate = *character >= 0xd800 && *character <= 0xdfff;
  return *character < least[length] || *character > 0x10ffff || surrogate ? 0 : length;
}
