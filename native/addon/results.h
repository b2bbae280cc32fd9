// What jobs and calls answer with, as JavaScript values.
#ifndef CORRAL_RESULTS_H
#define CORRAL_RESULTS_H

#include <napi.h>
#include <optional>
#include <type_traits>
#include <vector>

#include "text.h"

extern "C" {
#include "../core/end.h"
#include "../core/members.h"
}

inline Napi::Value ToValue(Napi::Env, Napi::Value value) {
  return value;
}
inline Napi::Value ToValue(Napi::Env env, const std::string &text) {
  return ToText(env, text);
}
template <typename T, typename = std::enable_if_t<std::is_arithmetic_v<T>>>
Napi::Value ToValue(Napi::Env env, T value) {
  if constexpr (std::is_same_v<T, bool>)
    return Napi::Boolean::New(env, value);
  else
    return Napi::Number::New(env, static_cast<double>(value));
}
template <typename T> Napi::Value ToValue(Napi::Env env, const std::optional<T> &value) {
  return value ? ToValue(env, *value) : env.Undefined();
}

// A list of anything of these: pids, descriptors, texts.
template <typename T> Napi::Array ToArray(Napi::Env env, const T *list, size_t count) {
  Napi::Array array = Napi::Array::New(env, count);
  for (uint32_t i = 0; i < count; i++)
    array.Set(i, ToValue(env, list[i]));
  return array;
}
template <typename T> Napi::Array ToTexts(Napi::Env env, const T *list, size_t count) {
  return ToArray(env, list, count);
}
template <typename T> Napi::Value ToValue(Napi::Env env, const std::vector<T> &list) {
  return ToArray(env, list.data(), list.size());
}

// An object of names and values, one behind the other.
inline void SetAll(Napi::Env, Napi::Object &) {}
template <typename T, typename... More>
void SetAll(Napi::Env env, Napi::Object &object, const char *name, const T &value, const More &...more) {
  object.Set(name, ToValue(env, value));
  SetAll(env, object, more...);
}
template <typename... Fields> Napi::Object ToObject(Napi::Env env, const Fields &...fields) {
  Napi::Object object = Napi::Object::New(env);
  SetAll(env, object, fields...);
  return object;
}

// What an ending came to.
inline Napi::Object ToEnded(Napi::Env env, bool empty, uint64_t killed,
                            const char (*names)[CORRAL_NAME_BYTES], size_t name_count,
                            const corral_members &left) {
  return ToObject(env, "empty", empty, "killed", killed, "names", ToArray(env, names, name_count), "left",
                  ToArray(env, left.pids, left.count));
}

#endif
