// outOfMemory(): waits until the kernel has killed in a v1 memory cgroup because memory ran out.
#include <cerrno>
#include <string>
#include <sys/epoll.h>
#include <unistd.h>

#include "jobs.h"
#include "text.h"

extern "C" {
#include "../core/memory_v1.h"
}

namespace {

class OutOfMemoryJob : public DescriptorJob {
public:
  OutOfMemoryJob(Napi::Env env, std::string group) : DescriptorJob(env, EPOLLIN), group_(std::move(group)) {}
  // Word comes before the kill: look again and again for a while, then wait for the next word.
  int64_t Step(int64_t now_ms) override {
    uint64_t words;
    bool begun = fd_ < 0;
    if (begun && (fd_ = corral_memory_v1_watch(group_.c_str())) < 0)
      return Refused(-fd_);
    if (!begun && read(fd_, &words, sizeof words) == sizeof words)
      look_until_ms_ = now_ms + kLookMs;
    int64_t kills = corral_memory_v1_kills(group_.c_str());
    killed_ = kills > 0;
    if (kills != 0)
      return kills == -ENOENT || kills == -ENODEV || killed_ ? kDone : Refused(static_cast<int>(-kills));
    return now_ms < look_until_ms_ ? kLookAgainMs : kWaitForEvent;
  }

protected:
  Napi::Value Result(Napi::Env env) override { return Napi::Boolean::New(env, killed_); }

private:
  static constexpr int64_t kLookMs = 1000;
  static constexpr int64_t kLookAgainMs = 2;

  int64_t Refused(int number) {
    if (number != ENOENT && number != ENODEV)
      corral_fail(&error_, number, "watch memory.oom_control", group_.c_str());
    return kDone;
  }

  std::string group_;
  int64_t look_until_ms_ = 0;
  bool killed_ = false;
};

} // namespace

std::unique_ptr<WatcherJob> MakeOutOfMemoryJob(Corral &corral, std::string group) {
  return std::make_unique<OutOfMemoryJob>(corral.env, std::move(group));
}
