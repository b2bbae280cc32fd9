// What jobs and calls answer with, as JavaScript values.
#ifndef CORRAL_RESULTS_H
#define CORRAL_RESULTS_H

#include <cstddef>
#include <napi.h>

#include "text.h"

extern "C" {
#include "../core/end.h"
#include "../core/members.h"
}

// Anything that is a list of numbers: pids, descriptors, values.
template <typename Number> Napi::Array ToNumbers(Napi::Env env, const Number *list, size_t count) {
  Napi::Array array = Napi::Array::New(env, count);
  for (uint32_t i = 0; i < count; i++)
    array.Set(i, Napi::Number::New(env, static_cast<double>(list[i])));
  return array;
}

// Anything that is a list of texts.
template <typename Text> Napi::Array ToTexts(Napi::Env env, const Text *list, size_t count) {
  Napi::Array array = Napi::Array::New(env, count);
  for (uint32_t i = 0; i < count; i++)
    array.Set(i, ToText(env, list[i]));
  return array;
}

// What an ending came to: { empty, killed, names, left }.
inline Napi::Object ToEnded(Napi::Env env, bool empty, uint64_t killed,
                            const char (*names)[CORRAL_NAME_BYTES], size_t name_count,
                            const corral_members &left) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("empty", Napi::Boolean::New(env, empty));
  result.Set("killed", Napi::Number::New(env, static_cast<double>(killed)));
  result.Set("names", ToTexts(env, names, name_count));
  result.Set("left", ToNumbers(env, left.pids, left.count));
  return result;
}

#endif
