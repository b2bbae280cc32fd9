// A line of JSON, built piece by piece. What is in it is ASCII: all else is written out (\u00e9), so that
// whatever a session puts into its names, a terminal is told nothing by it.
#ifndef CORRAL_JSON_H
#define CORRAL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct corral_json {
  char *text; // of `length` bytes, and a NUL
  size_t length, room;
  bool failed; // there is no memory for it
};

// `name` is a literal that needs no escapes. NULL and negative numbers are null: not known.
void corral_json_text(struct corral_json *json, const char *name, const char *value);
void corral_json_number(struct corral_json *json, const char *name, int64_t value);
void corral_json_texts(struct corral_json *json, const char *name, const char *const *values, size_t count);

// { and } with a line feed.
void corral_json_begin(struct corral_json *json);
void corral_json_end(struct corral_json *json);

void corral_json_free(struct corral_json *json);

#endif
