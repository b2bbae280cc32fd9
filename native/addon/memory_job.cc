// memoryUsed(), memoryBelow(): one look at the memory of processes, off the event loop.
#include <cerrno>

#include "jobs.h"
#include "text.h"

extern "C" {
#include "../core/memory.h"
}

namespace {

class MemoryJob : public WatcherJob {
public:
  MemoryJob(Napi::Env env, PathHandle group, int64_t enough)
      : WatcherJob(env), group_(std::move(group)), enough_(enough) {}

  bool HoldsLoop() const override { return false; }

  int64_t Step(int64_t) override {
    const corral_path group = group_.Get();
    used_ = corral_memory_used(&group, enough_);
    if (used_ < 0)
      corral_fail(&error_, static_cast<int>(-used_), "read members", group_.Path().c_str());
    return kDone;
  }

protected:
  Napi::Value Result(Napi::Env env) override { return Napi::Number::New(env, static_cast<double>(used_)); }

private:
  PathHandle group_;
  int64_t enough_;
  int64_t used_ = 0;
};

class MemoryBelowJob : public WatcherJob {
public:
  MemoryBelowJob(Napi::Env env, pid_t pid, int64_t enough) : WatcherJob(env), pid_(pid), enough_(enough) {}

  bool HoldsLoop() const override { return false; }

  int64_t Step(int64_t) override {
    used_ = corral_memory_below(pid_, enough_);
    if (used_ < 0)
      corral_fail(&error_, static_cast<int>(-used_), "list processes", "/proc");
    return kDone;
  }

protected:
  Napi::Value Result(Napi::Env env) override { return Napi::Number::New(env, static_cast<double>(used_)); }

private:
  pid_t pid_;
  int64_t enough_;
  int64_t used_ = 0;
};

} // namespace

std::unique_ptr<WatcherJob> MakeMemoryJob(const Napi::CallbackInfo &info, Handles &handles) {
  return std::make_unique<MemoryJob>(info.Env(), handles.Find(ToBytes(info[0])),
                                     info[1].As<Napi::Number>().Int64Value());
}

std::unique_ptr<WatcherJob> MakeMemoryBelowJob(const Napi::CallbackInfo &info) {
  return std::make_unique<MemoryBelowJob>(info.Env(), info[0].As<Napi::Number>().Int32Value(),
                                          info[1].As<Napi::Number>().Int64Value());
}
