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

Walking MakeMemoryJob(Corral &corral, PathHandle group, int64_t enough) {
  std::string path = group.Path();
  auto look = [group = std::move(group), enough] {
    const corral_path at = group.Get();
    return corral_memory_used(&at, enough);
  };
  return {std::make_unique<MemoryJob>(corral.env, std::move(look), "read members", std::move(path))};
}

Walking MakeMemoryBelowJob(Corral &corral, int pid, int64_t enough) {
  auto look = [pid, enough] { return corral_memory_below(pid, enough); };
  return {std::make_unique<MemoryJob>(corral.env, look, "list processes", "/proc")};
}
