#include "job.h"

#include "text.h"

#include <cstring>

Napi::Error ToError(Napi::Env env, const corral_error &error) {
  std::string text = std::string(error.operation) + ": " + std::strerror(error.number);
  if (error.path[0])
    text += std::string(" '") + error.path + "'";
  Napi::Error made = Napi::Error::New(env, text);
  made.Set("errno", Napi::Number::New(env, -error.number));
  made.Set("syscall", Napi::String::New(env, error.operation));
  if (error.path[0])
    made.Set("path", ToText(env, error.path));
  return made;
}

void Job::Settle(Napi::Env env) {
  if (error_.number)
    deferred_.Reject(ToError(env, error_).Value());
  else
    deferred_.Resolve(Result(env));
}
