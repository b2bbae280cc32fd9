// follow(): waits for the end of a process that somebody else started in one of our groups.
#include <cerrno>
#include <sys/epoll.h>
#include <unistd.h>

#include "jobs.h"

extern "C" {
#include "../core/members.h"
#include "../core/pidfd.h"
}

namespace {

class FollowJob : public WatcherJob {
public:
  FollowJob(Napi::Env env, Place group, pid_t pid) : WatcherJob(env), group_(std::move(group)), pid_(pid) {}
  ~FollowJob() override {
    if (pidfd_ >= 0)
      close(pidfd_);
  }

  int Descriptor() const override { return pidfd_; }
  uint32_t Events() const override { return EPOLLIN; }
  bool HoldsLoop() const override { return false; }

  // The first step opens the pidfd, the next one is its news.
  int64_t Step(int64_t) override {
    if (pidfd_ >= 0)
      return kDone;
    pidfd_ = corral_pidfd_open(pid_);
    if (pidfd_ < 0 && pidfd_ != -ESRCH)
      corral_fail(&error_, -pidfd_, "pidfd_open", "");
    return pidfd_ >= 0 && IsMember() ? kWaitForEvent : kDone;
  }

protected:
  Napi::Value Result(Napi::Env env) override { return env.Undefined(); }

private:
  // Asked after the pidfd was opened: so the pid cannot be a later process's.
  bool IsMember() {
    corral_members members = {};
    const corral_place group = group_.Get();
    bool member = corral_members_read(&group, &members) == 0 && corral_members_has(&members, pid_);
    corral_members_free(&members);
    return member;
  }

  Place group_;
  pid_t pid_;
  int pidfd_ = -1;
};

} // namespace

std::unique_ptr<WatcherJob> MakeFollowJob(const Napi::CallbackInfo &info, Handles &handles) {
  return std::make_unique<FollowJob>(info.Env(), handles.Find(info[0].As<Napi::String>().Utf8Value()),
                                     info[1].As<Napi::Number>().Int32Value());
}
