// The jobs that end groups and take them away: endGroup(), removeGroup().
#include <cerrno>
#include <string>
#include <sys/epoll.h>

#include "jobs.h"

extern "C" {
#include "../core/end.h"
#include "../core/tree.h"
}

namespace {

class EndJob : public WatcherJob {
public:
  EndJob(Napi::Env env, const std::string &path, const corral_end_plan &plan)
      : WatcherJob(env), path_(path), plan_(plan) {}
  ~EndJob() override {
    if (begun_)
      corral_end_finish(&end_);
  }

  int Descriptor() const override { return end_.events_fd; }
  uint32_t Events() const override { return EPOLLPRI; }

  int64_t Step(int64_t now_ms) override {
    if (!begun_) {
      begun_ = true;
      corral_end_begin(&end_, path_.c_str(), &plan_, now_ms);
    }
    int64_t wait_ms = corral_end_step(&end_, now_ms);
    if (end_.state == CORRAL_FAILED)
      error_ = end_.error;
    return wait_ms < 0 ? kDone : wait_ms;
  }

protected:
  Napi::Value Result(Napi::Env env) override {
    Napi::Object result = Napi::Object::New(env);
    Napi::Array names = Napi::Array::New(env);
    for (uint32_t i = 0; i < end_.name_count; i++)
      names.Set(i, Napi::String::New(env, end_.names[i]));
    Napi::Array left = Napi::Array::New(env);
    for (uint32_t i = 0; i < end_.left.count; i++)
      left.Set(i, Napi::Number::New(env, end_.left.pids[i]));
    result.Set("empty", Napi::Boolean::New(env, end_.state == CORRAL_EMPTY));
    result.Set("killed", Napi::Number::New(env, static_cast<double>(end_.killed)));
    result.Set("names", names);
    result.Set("rounds", Napi::Number::New(env, end_.kill_rounds));
    result.Set("left", left);
    return result;
  }

private:
  std::string path_;
  corral_end_plan plan_;
  corral_end end_ = {};
  bool begun_ = false;
};

// rmdir straight after a kill gives EBUSY for a moment, although `populated` says 0: the kernel still lets go
// of what was there.
class RemoveJob : public WatcherJob {
public:
  RemoveJob(Napi::Env env, const std::string &path, int64_t bound_ms)
      : WatcherJob(env), path_(path), bound_ms_(bound_ms) {}

  int64_t Step(int64_t now_ms) override {
    if (!deadline_ms_)
      deadline_ms_ = now_ms + bound_ms_;
    corral_error refused = {};
    int answer = corral_remove_tree(path_.c_str(), &refused);
    if (answer == 0)
      return kDone;
    if (answer != -EBUSY || now_ms >= deadline_ms_) {
      error_ = refused;
      return kDone;
    }
    int64_t wait_ms = tick_ms_;
    tick_ms_ = tick_ms_ < 50 ? tick_ms_ * 2 : tick_ms_;
    return wait_ms;
  }

protected:
  Napi::Value Result(Napi::Env env) override { return env.Undefined(); }

private:
  std::string path_;
  int64_t bound_ms_;
  int64_t deadline_ms_ = 0;
  int64_t tick_ms_ = 1;
};

} // namespace

std::unique_ptr<WatcherJob> MakeEndJob(const Napi::CallbackInfo &info) {
  Napi::Object options = info[1].As<Napi::Object>();
  corral_end_plan plan = {};
  plan.grace_ms = options.Get("graceMs").As<Napi::Number>().Int64Value();
  plan.kill_ms = options.Get("killMs").As<Napi::Number>().Int64Value();
  plan.freeze = options.Get("freeze").ToBoolean();
  return std::make_unique<EndJob>(info.Env(), info[0].As<Napi::String>().Utf8Value(), plan);
}

std::unique_ptr<WatcherJob> MakeRemoveJob(const Napi::CallbackInfo &info) {
  return std::make_unique<RemoveJob>(info.Env(), info[0].As<Napi::String>().Utf8Value(),
                                     info[1].As<Napi::Number>().Int64Value());
}
