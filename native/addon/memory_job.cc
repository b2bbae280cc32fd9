// memoryUsed(), memoryBelow(): one look at the memory of processes, off the event loop.
#include <cerrno>

#include <functional>
#include <string>

#include "jobs.h"
#include "text.h"

extern "C" {
#include "../core/memory.h"
}

namespace {

// `look` gives the bytes or, negative, what it was refused with: at `operation`, of `path`.
class MemoryJob : public WatcherJob {
public:
  using Look = std::function<int64_t()>;
  MemoryJob(Napi::Env env, Look look, const char *operation, std::string path)
      : WatcherJob(env), look_(std::move(look)), operation_(operation), path_(std::move(path)) {}

  bool HoldsLoop() const override { return false; }

  int64_t Step(int64_t) override {
    used_ = look_();
    if (used_ < 0)
      corral_fail(&error_, static_cast<int>(-used_), operation_, path_.c_str());
    return kDone;
  }

protected:
  Napi::Value Result(Napi::Env env) override { return Napi::Number::New(env, static_cast<double>(used_)); }

private:
  Look look_;
  const char *operation_;
  std::string path_;
  int64_t used_ = 0;
};

} // namespace

std::unique_ptr<WatcherJob> MakeMemoryJob(const Napi::CallbackInfo &info, Handles &handles) {
  PathHandle group = handles.Find(ToBytes(info[0]));
  const int64_t enough = info[1].As<Napi::Number>().Int64Value();
  std::string path = group.Path();
  auto look = [group, enough] {
    const corral_path at = group.Get();
    return corral_memory_used(&at, enough);
  };
  return std::make_unique<MemoryJob>(info.Env(), look, "read members", std::move(path));
}

std::unique_ptr<WatcherJob> MakeMemoryBelowJob(const Napi::CallbackInfo &info) {
  const pid_t pid = info[0].As<Napi::Number>().Int32Value();
  const int64_t enough = info[1].As<Napi::Number>().Int64Value();
  auto look = [pid, enough] { return corral_memory_below(pid, enough); };
  return std::make_unique<MemoryJob>(info.Env(), look, "list processes", "/proc");
}
