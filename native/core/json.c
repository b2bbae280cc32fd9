#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

#define REPLACEMENT 0xfffd // for bytes that are no UTF-8

static void add(struct corral_json *json, const char *piece, size_t length) {
  const size_t wanted = json->length + length + 1;
  if (wanted > json->room && !json->failed) {
    const size_t room = wanted * 2;
    char *grown = realloc(json->text, room);
    json->failed = !grown;
    if (grown) {
      json->text = grown;
      json->room = room;
    }
  }
  if (json->failed || !json->text)
    return;
  memcpy(json->text + json->length, piece, length);
  json->length += length;
  json->text[json->length] = '\0';
}

static void add_word(struct corral_json *json, const char *word) {
  add(json, word, strlen(word));
}

static void add_unit(struct corral_json *json, uint32_t unit) {
  char escaped[12];
  snprintf(escaped, sizeof escaped, "\\u%04x", unit & 0xffffU);
  add_word(json, escaped);
}

static void add_character(struct corral_json *json, uint32_t character) {
  const char plain = (char)character;
  if (character == '"' || character == '\\')
    add(json, "\\", 1);
  if (character >= ' ' && character < 0x7f) {
    add(json, &plain, 1);
  } else if (character <= 0xffff) {
    add_unit(json, character);
  } else { // a surrogate pair
    add_unit(json, 0xd7c0 + (character >> 10));
    add_unit(json, 0xdc00 + (character & 0x3ff));
  }
}

static void add_value(struct corral_json *json, const char *value) {
  if (!value) {
    add_word(json, "null");
    return;
  }
  add(json, "\"", 1);
  for (const char *at = value; *at;) {
    uint32_t character;
    const size_t length = corral_utf8_read(at, &character);
    add_character(json, length ? character : REPLACEMENT);
    at += length ? length : 1;
  }
  add(json, "\"", 1);
}

static void add_name(struct corral_json *json, const char *name) {
  if (json->length > 0 && json->text && json->text[json->length - 1] != '{')
    add(json, ",", 1);
  add_value(json, name);
  add(json, ":", 1);
}

void corral_json_text(struct corral_json *json, const char *name, const char *value) {
  add_name(json, name);
  add_value(json, value);
}

void corral_json_number(struct corral_json *json, const char *name, int64_t value) {
  char digits[24];
  snprintf(digits, sizeof digits, "%lld", (long long)value);
  add_name(json, name);
  add_word(json, value < 0 ? "null" : digits);
}

void corral_json_texts(struct corral_json *json, const char *name, const char *const *values, size_t count) {
  add_name(json, name);
  add(json, "[", 1);
  for (size_t i = 0; i < count; i++) {
    if (i > 0)
      add(json, ",", 1);
    add_value(json, values[i]);
  }
  add(json, "]", 1);
}

void corral_json_begin(struct corral_json *json) {
  add(json, "{", 1);
}

void corral_json_end(struct corral_json *json) {
  add(json, "}\n", 2);
}

void corral_json_free(struct corral_json *json) {
  free(json->text);
  *json = (struct corral_json){0};
}
