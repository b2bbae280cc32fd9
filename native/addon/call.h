// Makes of a function in C++ what JavaScript can call: its arguments are taken from the call in their order,
// and what it gives becomes a value, or an exception where it is a corral_error.
#ifndef CORRAL_CALL_H
#define CORRAL_CALL_H

#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "addon.h"
#include "job.h"
#include "results.h"

// ---- what a function gives ----

struct Done {}; // nothing: undefined
template <typename T> using Or = std::variant<T, corral_error>;

inline corral_error Refused(int number, const char *operation, const std::string &path = "") {
  corral_error error;
  corral_fail(&error, number, operation, path.c_str());
  return error;
}

// `value`, unless the answer of a call is -errno.
template <typename T>
Or<T> Checked(ssize_t answer, T value, const char *operation, const std::string &path = "") {
  if (answer < 0)
    return Refused(static_cast<int>(-answer), operation, path);
  return value;
}

inline Napi::Value ToValue(Napi::Env env, Done) {
  return env.Undefined();
}
template <typename T> Napi::Value ToValue(Napi::Env env, const Or<T> &value) {
  if (const T *given = std::get_if<T>(&value))
    return ToValue(env, *given);
  ToError(env, *std::get_if<corral_error>(&value)).ThrowAsJavaScriptException();
  return env.Undefined();
}

template <typename T> Napi::Value Give(Corral &corral, T given) {
  if constexpr (std::is_same_v<T, std::unique_ptr<WatcherJob>>)
    return corral.Watch(std::move(given));
  else if constexpr (std::is_same_v<T, Walking>)
    return corral.Walk(std::move(given.job));
  else
    return ToValue(corral.env, given);
}

// ---- what it takes ----

template <typename T> struct Type {};

inline Napi::Value Take(Type<Napi::Value>, Corral &, const Napi::Value &value) {
  return value;
}
template <typename T, typename = std::enable_if_t<std::is_arithmetic_v<T>>>
T Take(Type<T>, Corral &, const Napi::Value &value) {
  if constexpr (std::is_same_v<T, bool>)
    return value.ToBoolean();
  else
    return static_cast<T>(value.As<Napi::Number>().Int64Value());
}
inline std::string Take(Type<std::string>, Corral &, const Napi::Value &value) {
  return ToBytes(value);
}
inline PathHandle Take(Type<PathHandle>, Corral &corral, const Napi::Value &path) {
  return corral.handles->Find(ToBytes(path));
}
template <typename T>
std::optional<T> Take(Type<std::optional<T>>, Corral &corral, const Napi::Value &value) {
  return value.IsUndefined() ? std::nullopt : std::optional<T>(Take(Type<T>{}, corral, value));
}
template <typename T> std::vector<T> Take(Type<std::vector<T>>, Corral &corral, const Napi::Value &array) {
  std::vector<T> list;
  const uint32_t count = array.IsArray() ? array.As<Napi::Array>().Length() : 0;
  for (uint32_t i = 0; i < count; i++)
    list.push_back(Take(Type<T>{}, corral, array.As<Napi::Array>().Get(i)));
  return list;
}

// ---- the call ----

template <typename T> T TakeAt(Type<T> type, Corral &corral, const Napi::CallbackInfo &info, size_t at) {
  return Take(type, corral, info[at]);
}
inline const Napi::CallbackInfo &TakeAt(Type<Napi::CallbackInfo>, Corral &, const Napi::CallbackInfo &info,
                                        size_t) {
  return info;
}

template <typename Result, typename... Args, typename Function, size_t... I>
Napi::Value Invoke(Corral &corral, const Napi::CallbackInfo &info, Function function, Result (*)(Args...),
                   std::index_sequence<I...>) {
  if constexpr (std::is_void_v<Result>)
    return function(TakeAt(Type<std::decay_t<Args>>{}, corral, info, I)...), corral.env.Undefined();
  else
    return Give(corral, function(TakeAt(Type<std::decay_t<Args>>{}, corral, info, I)...));
}

template <typename Result, typename... Args, typename Function>
napi_value Invoke(Corral &corral, const Napi::CallbackInfo &info, Function function) {
  using Plain = Result (*)(Args...);
  return Invoke(corral, info, function, Plain(nullptr), std::index_sequence_for<Args...>{});
}

// A function, of a Corral where that is its first argument.
template <typename Result, typename... Args>
napi_value Run(Corral &corral, const Napi::CallbackInfo &info, Result (*function)(Corral &, Args...)) {
  return Invoke<Result, Args...>(corral, info, [&](auto &&...args) -> Result {
    return function(corral, std::forward<decltype(args)>(args)...);
  });
}
template <typename Result, typename... Args>
napi_value Run(Corral &corral, const Napi::CallbackInfo &info, Result (*function)(Args...)) {
  return Invoke<Result, Args...>(corral, info, function);
}
// A method of something that a Corral has.
template <typename Part, typename T, typename Result, typename... Args>
napi_value Run(Corral &corral, const Napi::CallbackInfo &info, Part &part, Result (T::*method)(Args...)) {
  return Invoke<Result, Args...>(corral, info, [&](auto &&...args) -> Result {
    return ((*part).*method)(std::forward<decltype(args)>(args)...);
  });
}

template <auto Function> napi_value Call(napi_env env, napi_callback_info raw) {
  const Napi::CallbackInfo info(env, raw);
  return Run(*static_cast<Corral *>(info.Data()), info, Function);
}
template <auto Part, auto Method> napi_value CallOn(napi_env env, napi_callback_info raw) {
  const Napi::CallbackInfo info(env, raw);
  Corral &corral = *static_cast<Corral *>(info.Data());
  return Run(corral, info, corral.*Part, Method);
}

#endif
