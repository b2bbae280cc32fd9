// pressure(): waits until a group was under pressure, once.
#include <cerrno>
#include <string>
#include <sys/epoll.h>
#include <unistd.h>

#include "jobs.h"
#include "text.h"

extern "C" {
#include "../core/pressure.h"
}

namespace {

class PressureJob : public DescriptorJob {
public:
  PressureJob(Napi::Env env, PathHandle group, std::string file, std::string trigger)
      : DescriptorJob(env, EPOLLPRI), group_(std::move(group)), file_(std::move(file)),
        trigger_(std::move(trigger)) {}
  // The first step sets the trigger. What wakes the next one before its time is the pressure, which the
  // kernel tells only once (to epoll), or the group's end.
  int64_t Step(int64_t now_ms) override {
    if (fd_ < 0)
      return Begin(now_ms);
    const corral_path group = group_.Get();
    bool there = !corral_is_gone(&group);
    if (there && now_ms >= look_again_ms_)
      return LookAgain(now_ms);
    met_ = there;
    return kDone;
  }

protected:
  Napi::Value Result(Napi::Env env) override { return Napi::Boolean::New(env, met_); }

private:
  // In case a kernel does not wake us when the group goes.
  static constexpr int64_t kLookAgainMs = 30000;

  int64_t Begin(int64_t now_ms) {
    const corral_path group = group_.Get();
    fd_ = corral_pressure_open(&group, file_.c_str(), trigger_.c_str());
    if (fd_ >= 0)
      return LookAgain(now_ms);
    if (fd_ != -ENOENT && fd_ != -ENODEV)
      corral_fail(&error_, -fd_, "set trigger", (group_.Path() + "/" + file_).c_str());
    return kDone;
  }

  int64_t LookAgain(int64_t now_ms) {
    look_again_ms_ = now_ms + kLookAgainMs;
    return kLookAgainMs;
  }

  PathHandle group_;
  std::string file_, trigger_;
  int64_t look_again_ms_ = 0;
  bool met_ = false;
};

} // namespace

std::unique_ptr<WatcherJob> MakePressureJob(Corral &corral, PathHandle group, std::string file,
                                            std::string trigger) {
  return std::make_unique<PressureJob>(corral.env, std::move(group), std::move(file), std::move(trigger));
}
