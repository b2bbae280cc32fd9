#include "exit_job.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "jobs.h"
#include "results.h"

ExitJob::ExitJob(Napi::Env env, int pidfd, int64_t within_ms)
    : WatcherJob(env), child_(false), within_ms_(within_ms), pidfd_(fcntl(pidfd, F_DUPFD_CLOEXEC, 0)) {
  if (pidfd_ < 0)
    corral_fail(&error_, errno, "dup", "");
}

ExitJob::~ExitJob() {
  if (!child_ && pidfd_ >= 0)
    close(pidfd_);
}

uint32_t ExitJob::Events() const {
  return EPOLLIN;
}

// A pidfd becomes readable when the last thread of the process has ended, reaped or not.
int64_t ExitJob::Step(int64_t now_ms) {
  if (child_) {
    const int answer = corral_pidfd_wait(pidfd_, false, &how_);
    ended_ = answer != -EAGAIN;
    if (ended_ && answer < 0)
      corral_fail(&error_, -answer, "waitid", "");
  } else {
    ended_ = pidfd_ < 0 || corral_readable(pidfd_, 0);
  }
  if (within_ms_ < 0)
    return ended_ ? kDone : kWaitForEvent;
  if (deadline_ms_ == 0)
    deadline_ms_ = now_ms + within_ms_;
  return ended_ || now_ms >= deadline_ms_ ? kDone : deadline_ms_ - now_ms;
}

Napi::Value ExitJob::Result(Napi::Env env) {
  if (!child_)
    return Napi::Boolean::New(env, ended_);
  return ToObject(env, "code", how_.code, "signal", how_.signal);
}

std::unique_ptr<WatcherJob> MakeEndedJob(Corral &corral, int pidfd, std::optional<int64_t> within_ms) {
  return std::make_unique<ExitJob>(corral.env, pidfd, within_ms.value_or(-1));
}
