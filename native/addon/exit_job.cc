#include "exit_job.h"

#include <cerrno>
#include <sys/epoll.h>

uint32_t ExitJob::Events() const {
  return EPOLLIN;
}

// A pidfd becomes readable when the last thread of the process has ended.
int64_t ExitJob::Step(int64_t) {
  int answer = corral_pidfd_wait(pidfd_, false, &ended_);
  if (answer == -EAGAIN)
    return kWaitForEvent;
  if (answer < 0)
    corral_fail(&error_, -answer, "waitid", "");
  return kDone;
}

Napi::Value ExitJob::Result(Napi::Env env) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("code", Napi::Number::New(env, ended_.code));
  result.Set("signal", Napi::Number::New(env, ended_.signal));
  return result;
}
