// What Debian's libstdc++ and libgcc_s, which are made for glibc, lack in musl: enough that a Node that was
// built for musl starts with them and works in the C locale. Alpine's own are not to be had from npm or
// Debian.
#define _GNU_SOURCE
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "tables.h"

#define UNUSED __attribute__((unused))

char __libc_single_threaded = 0;
struct {
  unsigned fields[4];
} __cpu_model;
int __cpu_indicator_init(void) {
  return 0;
}

unsigned long __isoc23_strtoul(const char *text, char **end, int base) {
  return strtoul(text, end, base);
}
size_t __strftime_l(char *text, size_t size, const char *format, const struct tm *time, UNUSED void *locale) {
  return strftime(text, size, format, time);
}
uint32_t arc4random(void) {
  uint32_t value;
  while (getrandom(&value, sizeof value, 0) != sizeof value)
    ;
  return value;
}
void strfromf128(void) {
  abort();
} // nobody asks for these
void strtof128(void) {
  abort();
}

// What a thread has is not destroyed with it: a test can do without.
int __cxa_thread_atexit_impl(UNUSED void (*end)(void *), UNUSED void *object, UNUSED void *library) {
  return 0;
}

// glibc's struct __locale_struct; the beginning of it is musl's, whose C locale is all zeros.
static struct {
  void *locales[13];
  const unsigned short *classes;
  const int *lower, *upper;
  const char *names[13];
} c_locale = {.classes = classes + 128,
              .lower = lower + 128,
              .upper = upper + 128,
              .names = {"C", "C", "C", "C", "C", "C", "C", "C", "C", "C", "C", "C", "C"}};
void *__newlocale(UNUSED int mask, UNUSED const char *name, UNUSED void *base) {
  return &c_locale;
}
void *__duplocale(UNUSED void *locale) {
  return &c_locale;
}
void *__uselocale(UNUSED void *locale) {
  return &c_locale;
}
void __freelocale(UNUSED void *locale) {}

// glibc's struct dl_find_object
struct found {
  unsigned long long flags;
  void *start, *end;
  struct link_map *map;
  void *frames;
  unsigned long long reserved[7];
};
struct search {
  uintptr_t pc;
  struct found *found;
};

static int look(struct dl_phdr_info *object, UNUSED size_t size, void *of) {
  struct search *search = of;
  struct found found = {.start = (void *)UINTPTR_MAX};
  bool within = false;
  for (int at = 0; at < object->dlpi_phnum; at++) {
    const ElfW(Phdr) *header = &object->dlpi_phdr[at];
    uintptr_t start = object->dlpi_addr + header->p_vaddr, end = start + header->p_memsz;
    if (header->p_type == PT_GNU_EH_FRAME)
      found.frames = (void *)start;
    if (header->p_type != PT_LOAD)
      continue;
    within = within || (search->pc >= start && search->pc < end);
    if (start < (uintptr_t)found.start)
      found.start = (void *)start;
    if (end > (uintptr_t)found.end)
      found.end = (void *)end;
  }
  if (!within || !found.frames)
    return 0;
  *search->found = found;
  return 1;
}

int _dl_find_object(void *pc, struct found *found) {
  struct search search = {(uintptr_t)pc, found};
  return dl_iterate_phdr(look, &search) ? 0 : -1;
}
