// removeTree(): takes a directory away with all below it, off the event loop.
#include <cerrno>

#include "jobs.h"
#include "text.h"

extern "C" {
#include "../core/tree.h"
}

namespace {

class RemoveJob : public WatcherJob {
public:
  RemoveJob(Napi::Env env, PathHandle handle, std::shared_ptr<Reserve> reserve)
      : WatcherJob(env), handle_(std::move(handle)), reserve_(std::move(reserve)) {}
  ~RemoveJob() override { corral_tree_end(&tree_); }

  int64_t Step(int64_t) override {
    const int answer = reserve_->Do([this] { return Slice(); });
    return answer == 0 && !over_ ? kWalk : Finish(answer);
  }

protected:
  Napi::Value Result(Napi::Env env) override { return Napi::Boolean::New(env, gone_); }

private:
  static constexpr int kSlice = 64;

  // A slice of the walk; the next one goes on from there, and from the top where this one was refused.
  int Slice() {
    const corral_path top = handle_.Get();
    int answer = tree_.fd >= 0 ? 0 : corral_tree_begin(&tree_, &top, true);
    for (int seen = 0; answer == 0 && seen < kSlice; seen++) {
      answer = corral_tree_step(&tree_);
      over_ = answer == CORRAL_TREE_OVER;
      if (over_)
        answer = corral_remove_top(&top);
      if (over_)
        break;
      if (answer > CORRAL_TREE_OVER)
        answer = 0;
    }
    if (answer < 0)
      corral_tree_end(&tree_);
    return answer;
  }

  int64_t Finish(int answer) {
    if (answer == -ENOENT || answer == -ENODEV)
      answer = 0;
    gone_ = answer == 0;
    if (answer < 0 && answer != -EBUSY)
      corral_fail(&error_, -answer, "rmdir", handle_.Path().c_str());
    return kDone;
  }

  PathHandle handle_;
  std::shared_ptr<Reserve> reserve_;
  corral_tree tree_ = corral_tree_none();
  bool over_ = false;
  bool gone_ = false;
};

} // namespace

std::unique_ptr<WatcherJob> MakeRemoveJob(const Napi::CallbackInfo &info, Handles &handles,
                                          std::shared_ptr<Reserve> reserve) {
  return std::make_unique<RemoveJob>(info.Env(), handles.Find(ToBytes(info[0])), std::move(reserve));
}
