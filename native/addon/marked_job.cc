// lost(), endMarked(): what bears the mark of a session and has lost its reaper, off the event loop.
#include <string>
#include <vector>

#include "jobs.h"
#include "results.h"

extern "C" {
#include "../core/mark.h"
#include "../core/reap.h"
}

namespace {

class LostJob : public WatcherJob {
public:
  using WatcherJob::WatcherJob;
  ~LostJob() override { corral_losses_free(&losses_); }

  int64_t Step(int64_t) override {
    int answer = corral_find_lost(&losses_);
    if (answer < 0)
      corral_fail(&error_, -answer, "list processes", "/proc");
    return kDone;
  }

protected:
  Napi::Value Result(Napi::Env env) override {
    Napi::Array found = Napi::Array::New(env, losses_.count);
    for (uint32_t i = 0; i < losses_.count; i++) {
      const corral_lost &lost = losses_.list[i];
      found.Set(i, ToObject(env, "mark", lost.mark, "reaper", lost.reaper, "processes", lost.processes));
    }
    return found;
  }

private:
  corral_losses losses_ = {};
};

class EndMarkedJob : public WatcherJob {
public:
  EndMarkedJob(Napi::Env env, int64_t mark, int64_t kill_ms) : WatcherJob(env), mark_(mark) {
    plan_.kill_ms = kill_ms;
  }
  ~EndMarkedJob() override {
    if (begun_)
      corral_reap_finish(&reap_);
  }

  bool TakesTurns() const override { return true; }

  int64_t Step(int64_t now_ms) override {
    if (!begun_) {
      marked_.marks = {&mark_, 1, 1};
      marked_.leader_fd = -1;
      corral_walk whom = {};
      whom.marked = &marked_;
      corral_reap_begin(&reap_, &plan_, &whom, now_ms);
      begun_ = true;
    }
    int64_t wait_ms = corral_reap_step(&reap_, CORRAL_REAPED, now_ms);
    return wait_ms < 0 ? kDone : wait_ms;
  }

protected:
  Napi::Value Result(Napi::Env env) override {
    return ToEnded(env, reap_.state == CORRAL_EMPTY, reap_.killed.count, reap_.names, reap_.name_count,
                   reap_.left);
  }

private:
  int64_t mark_;
  corral_marked marked_ = {};
  corral_end_plan plan_ = {};
  corral_reap reap_ = {};
  bool begun_ = false;
};

} // namespace

Walking MakeLostJob(Corral &corral) {
  return {std::make_unique<LostJob>(corral.env)};
}

std::unique_ptr<WatcherJob> MakeEndMarkedJob(Corral &corral, int64_t mark, int64_t kill_ms) {
  return std::make_unique<EndMarkedJob>(corral.env, mark, kill_ms);
}
