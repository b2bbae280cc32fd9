// receive(): waits for the next message over a link.
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <sys/epoll.h>

#include "jobs.h"
#include "results.h"

extern "C" {
#include "../core/message.h"
}

namespace {

class ReceiveJob : public WatcherJob {
public:
  ReceiveJob(Napi::Env env, int link) : WatcherJob(env), link_(link) {}
  ~ReceiveJob() override { corral_fds_close(&fds_); }

  int Descriptor() const override { return link_; }
  uint32_t Events() const override { return EPOLLIN; }
  bool HoldsLoop() const override { return false; }

  int64_t Step(int64_t) override {
    int answer = corral_message_receive(link_, &message_, &fds_);
    if (answer == -EAGAIN)
      return kWaitForEvent;
    ended_ = answer == 0;
    if (answer < 0)
      corral_fail(&error_, -answer, "recvmsg", "");
    return kDone;
  }

protected:
  Napi::Value Result(Napi::Env env) override {
    if (ended_)
      return env.Undefined();
    int64_t values[2];
    static_assert(sizeof values == sizeof message_.values);
    std::memcpy(values, &message_.values, sizeof values);
    Napi::Object result =
        ToObject(env, "kind", message_.kind, "id", message_.id, "killed", message_.killed, "cpuUserMs",
                 static_cast<double>(message_.cpu_user_us) / kUsPerMs, "cpuSystemMs",
                 static_cast<double>(message_.cpu_system_us) / kUsPerMs, "values", ToArray(env, values, 2),
                 "names", ToArray(env, message_.names, message_.name_count), "left",
                 ToArray(env, message_.left, message_.left_count), "fds", ToArray(env, fds_.fds, fds_.count));
    fds_.count = 0; // the caller's from now on
    if (message_.error_number)
      result.Set("error", Refusal(env));
    return result;
  }

private:
  static constexpr double kUsPerMs = 1000;

  Napi::Value Refusal(Napi::Env env) {
    corral_error error;
    corral_fail(&error, message_.error_number, message_.error_operation, message_.error_path);
    return ToError(env, error).Value();
  }

  int link_;
  bool ended_ = false;
  corral_message message_ = {};
  corral_fds fds_ = {};
};

} // namespace

std::unique_ptr<WatcherJob> MakeReceiveJob(Corral &corral, int link) {
  return std::make_unique<ReceiveJob>(corral.env, link);
}
