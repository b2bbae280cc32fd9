// ended(): waits for the end of a process that need not be a child of ours, for ever or for so long and no
// longer.
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "jobs.h"

namespace {

class EndedJob : public DescriptorJob {
public:
  // With a descriptor of its own: the caller may close the other at any time.
  EndedJob(Napi::Env env, int pidfd, int64_t within_ms)
      : DescriptorJob(env, EPOLLIN, fcntl(pidfd, F_DUPFD_CLOEXEC, 0)), within_ms_(within_ms) {
    if (fd_ < 0)
      corral_fail(&error_, errno, "dup", "");
  }
  bool HoldsLoop() const override { return within_ms_ >= 0; }

  // A pidfd is readable once the last thread of its process has ended, reaped or not.
  int64_t Step(int64_t now_ms) override {
    if (fd_ < 0)
      return kDone;
    pollfd look = {fd_, POLLIN, 0};
    ended_ = poll(&look, 1, 0) > 0;
    if (within_ms_ < 0)
      return ended_ ? kDone : kWaitForEvent;
    if (deadline_ms_ == 0)
      deadline_ms_ = now_ms + within_ms_;
    return ended_ || now_ms >= deadline_ms_ ? kDone : deadline_ms_ - now_ms;
  }

protected:
  Napi::Value Result(Napi::Env env) override { return Napi::Boolean::New(env, ended_); }

private:
  int64_t within_ms_; // negative: for ever
  int64_t deadline_ms_ = 0;
  bool ended_ = false;
};

} // namespace

std::unique_ptr<WatcherJob> MakeEndedJob(const Napi::CallbackInfo &info) {
  int64_t within_ms = info[1].IsNumber() ? info[1].As<Napi::Number>().Int64Value() : -1;
  return std::make_unique<EndedJob>(info.Env(), info[0].As<Napi::Number>().Int32Value(), within_ms);
}
