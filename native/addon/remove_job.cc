// removeTree(): takes a directory away with all below it, off the event loop.
#include <cerrno>

#include "jobs.h"

extern "C" {
#include "../core/tree.h"
}

namespace {

class RemoveJob : public WatcherJob {
public:
  RemoveJob(Napi::Env env, Place place) : WatcherJob(env), place_(std::move(place)) {}
  ~RemoveJob() override { corral_tree_end(&tree_); }

  // A slice of the walk, then the next one.
  int64_t Step(int64_t) override {
    const corral_place top = place_.Get();
    int answer = begun_ ? 0 : corral_tree_begin(&tree_, &top, true);
    begun_ = true;
    for (int seen = 0; answer == 0 && seen < kSlice; seen++) {
      answer = corral_tree_step(&tree_);
      if (answer > CORRAL_TREE_OVER)
        answer = 0;
      else if (answer == CORRAL_TREE_OVER)
        return Finish(corral_remove_top(&top));
    }
    return answer == 0 ? kWalk : Finish(answer);
  }

protected:
  Napi::Value Result(Napi::Env env) override { return Napi::Boolean::New(env, gone_); }

private:
  static constexpr int kSlice = 64;

  int64_t Finish(int answer) {
    if (answer == -ENOENT || answer == -ENODEV)
      answer = 0;
    gone_ = answer == 0;
    if (answer < 0 && answer != -EBUSY)
      corral_fail(&error_, -answer, "rmdir", place_.Path().c_str());
    return kDone;
  }

  Place place_;
  corral_tree tree_ = corral_tree_none();
  bool begun_ = false;
  bool gone_ = false;
};

} // namespace

std::unique_ptr<WatcherJob> MakeRemoveJob(const Napi::CallbackInfo &info, Handles &handles) {
  return std::make_unique<RemoveJob>(info.Env(), handles.Find(info[0].As<Napi::String>().Utf8Value()));
}
