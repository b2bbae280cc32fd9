// endGroup(): ends a group, and where that is wanted reads its counters and takes it away, all in one visit
// of the watcher's thread.
#include <cerrno>
#include <ctime>
#include <fcntl.h>
#include <string>
#include <sys/epoll.h>
#include <unistd.h>
#include <vector>

#include "jobs.h"
#include "results.h"

extern "C" {
#include "../core/end.h"
#include "../core/own.h"
}

namespace {

class EndJob : public WatcherJob {
public:
  EndJob(Napi::Env env, PathHandle handle, std::shared_ptr<Handles> handles, std::shared_ptr<Reserve> reserve,
         std::shared_ptr<Looker> looker, const corral_end_plan &plan, std::vector<std::string> read,
         bool announced)
      : WatcherJob(env), handle_(std::move(handle)), handles_(std::move(handles)),
        reserve_(std::move(reserve)), looker_(std::move(looker)), plan_(plan), read_(std::move(read)),
        expected_(announced) {
    WillLook(plan_.outside);
  }
  ~EndJob() override {
    WillLook(false);
    if (begun_)
      corral_end_finish(&end_);
    corral_close_fd(&plan_.leader_fd);
  }

  int Descriptor() const override { return begun_ ? end_.events_fd : -1; }
  // Of who is outside no file tells.
  bool IsWoken() const override { return end_.state != CORRAL_LOOKING; }
  uint32_t Events() const override { return EPOLLPRI; }
  bool TakesTurns() const override { return true; }

  int64_t Step(int64_t now_ms) override {
    if (!begun_ && !Begin(now_ms))
      return kShortageMs;
    int64_t wait_ms = Go(now_ms, false);
    if (Reserve::IsShortage(end_.short_of)) {
      const Reserve::Loan loan(*reserve_);
      wait_ms = Go(now_ms, true);
    }
    // Also while it looks at something else before: at its first process, say
    WillLook(plan_.outside && end_.state <= CORRAL_LOOKING && wait_ms >= 0 && !end_.wants_pass &&
             !corral_end_is_slow(&end_));
    if (end_.wants_pass && PassNow())
      wait_ms = Go(NowMs(), false);
    if (end_.wants_pass)
      return kPass;
    if (end_.state == CORRAL_FAILED)
      error_ = end_.error;
    if (end_.state == CORRAL_REMOVED)
      handles_->Drop(handle_.Path());
    if (wait_ms < 0) {
      corral_end_let_go(&end_);
      reserve_->Fill();
      return kDone;
    }
    const bool waits = corral_end_is_slow(&end_) && walks_;
    walks_ = corral_end_is_long(&end_) || corral_end_is_slow(&end_);
    return walks_ && !waits ? kWalk : wait_ms;
  }

  void JudgePass(const corral_bearers &bearers, int refused) override {
    corral_end_judge(&end_, &bearers, refused, NowMs());
  }

protected:
  Napi::Value Result(Napi::Env env) override {
    Napi::Object result =
        ToEnded(env, end_.state != CORRAL_STUCK, end_.killed, end_.names, end_.name_count, end_.left);
    result.Set("counters", ToTexts(env, counters_.data(), counters_.size()));
    result.Set("moved", Moved(env));
    if (end_.unseen)
      result.Set("unseen", Napi::Number::New(env, end_.unseen));
    return result;
  }

private:
  static constexpr int64_t kShortageMs = 10;

  static int64_t NowMs() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
  }

  bool PassNow() {
    corral_bearers bearers;
    int refused = 0;
    if (!looker_->PassNow(bearers, refused))
      return false;
    JudgePass(bearers, refused);
    corral_bearers_free(&bearers);
    return true;
  }

  // Others that are ended now wait for this one, so that one pass is enough.
  void WillLook(bool soon) {
    if (soon != expected_)
      looker_->Expect(soon ? 1 : -1);
    expected_ = soon;
  }

  Napi::Array Moved(Napi::Env env) const {
    const corral_outside &outside = end_.outside;
    Napi::Array all = Napi::Array::New(env, outside.moved_count);
    for (uint32_t i = 0; i < outside.moved_count; i++) {
      const corral_moved &moved = outside.moved[i];
      Napi::Object one = Napi::Object::New(env);
      one.Set("pid", Napi::Number::New(env, moved.pid));
      one.Set("name", ToText(env, moved.name));
      one.Set("cgroup", ToText(env, moved.cgroup));
      all.Set(i, one);
    }
    return all;
  }

  // False where it has to be tried again: others that end give descriptors and memory back.
  bool Begin(int64_t now_ms) {
    int refused = BeginOnce(now_ms);
    if (Reserve::IsShortage(refused) && reserve_->CanSpare()) {
      const Reserve::Loan loan(*reserve_);
      refused = BeginOnce(now_ms);
    }
    if (try_until_ms_ == 0)
      try_until_ms_ = now_ms + plan_.kill_ms;
    begun_ = (!Reserve::IsShortage(refused) && refused != ENOMEM) || now_ms >= try_until_ms_;
    return begun_;
  }

  int BeginOnce(int64_t now_ms) {
    const corral_path group = handle_.Get();
    corral_end_begin(&end_, &group, &plan_, now_ms);
    if (end_.state != CORRAL_FAILED)
      return 0;
    corral_end_finish(&end_);
    return end_.error.number;
  }

  int64_t Go(int64_t now_ms, bool has_reserve) {
    const int64_t wait_ms = corral_end_step(&end_, now_ms);
    if (end_.state != CORRAL_EMPTY || end_.short_of)
      return wait_ms;
    if (!ReadCounters() && !has_reserve) {
      end_.short_of = EMFILE;
      return kShortageMs;
    }
    return plan_.remove ? corral_end_step(&end_, now_ms) : wait_ms;
  }

  static constexpr size_t kCounterBytes = 4096; // seq_file gives a page at a time

  // The numbers die with the directory. False where there is no descriptor to read one of them by.
  bool ReadCounters() {
    if (!counters_.empty() || end_.group_fd < 0)
      return true;
    bool all = true;
    for (const std::string &file : read_) {
      char text[kCounterBytes];
      // A whole path is that of the v1 memory cgroup
      CORRAL_OWNED_FD fd = file[0] == '/' ? open(file.c_str(), O_RDONLY | O_CLOEXEC)
                                          : corral_open_below(end_.group_fd, file.c_str(), O_RDONLY);
      all = all && (fd >= 0 || !Reserve::IsShortage(errno));
      ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text);
      counters_.emplace_back(text, length > 0 ? static_cast<size_t>(length) : 0);
    }
    if (!all)
      counters_.clear();
    return all;
  }

  PathHandle handle_;
  std::shared_ptr<Handles> handles_;
  std::shared_ptr<Reserve> reserve_;
  std::shared_ptr<Looker> looker_;
  corral_end_plan plan_;
  std::vector<std::string> read_, counters_;
  corral_end end_ = {};
  bool begun_ = false;
  bool expected_;      // by the looker
  bool walks_ = false; // it goes on on the walker's thread
  int64_t try_until_ms_ = 0;
};

} // namespace

static int64_t Optional(Napi::Value number) {
  return number.IsNumber() ? number.As<Napi::Number>().Int64Value() : 0;
}

std::unique_ptr<WatcherJob> MakeEndJob(const Napi::CallbackInfo &info, std::shared_ptr<Handles> handles,
                                       std::shared_ptr<Reserve> reserve, std::shared_ptr<Looker> looker) {
  Napi::Object options = info[1].As<Napi::Object>();
  corral_end_plan plan = {};
  plan.grace_ms = options.Get("graceMs").As<Napi::Number>().Int64Value();
  plan.drain_ms = Optional(options.Get("drainMs"));
  plan.stop_signal = static_cast<int>(Optional(options.Get("stopSignal")));
  plan.kill_ms = options.Get("killMs").As<Napi::Number>().Int64Value();
  plan.freeze = options.Get("freeze").ToBoolean();
  plan.remove = options.Get("remove").ToBoolean();
  plan.outside = options.Get("outside").ToBoolean();
  plan.claim =
      static_cast<int>(Optional(options.Get("claim"))); // no copy: closing that would give the lock up
  plan.leader_fd = -1;
  // With a descriptor of its own: the caller closes the other once the process has ended
  if (options.Get("leader").IsNumber())
    plan.leader_fd = fcntl(options.Get("leader").As<Napi::Number>().Int32Value(), F_DUPFD_CLOEXEC, 0);
  std::vector<std::string> read;
  Napi::Value files = options.Get("read");
  if (files.IsArray())
    for (uint32_t i = 0; i < files.As<Napi::Array>().Length(); i++)
      read.push_back(files.As<Napi::Array>().Get(i).ToString().Utf8Value());
  PathHandle handle = handles->Find(ToBytes(info[0]));
  return std::make_unique<EndJob>(info.Env(), std::move(handle), std::move(handles), std::move(reserve),
                                  std::move(looker), plan, std::move(read),
                                  options.Get("announced").ToBoolean());
}
