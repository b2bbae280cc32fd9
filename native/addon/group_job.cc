// makeGroup(): directories, limits and labels in one transaction on the spawner's thread.
#include <string>
#include <vector>

#include "jobs.h"

extern "C" {
#include "../core/group.h"
}

namespace {

class GroupJob : public SpawnerJob {
public:
  GroupJob(Napi::Env env, const Napi::Array &list) : SpawnerJob(env) {
    for (uint32_t i = 0; i < list.Length(); i++) {
      Napi::Array step = list.Get(i).As<Napi::Array>();
      steps_.push_back({Kind(step.Get(uint32_t{0}).ToString().Utf8Value()), Text(step.Get(1)),
                        Text(step.Get(2)), Text(step.Get(3))});
    }
  }

  void Run() override {
    std::vector<corral_make_step> steps;
    for (const Step &step : steps_)
      steps.push_back({step.kind, step.path.c_str(), step.name.c_str(), step.value.c_str()});
    corral_make(steps.data(), steps.size(), &error_);
  }

protected:
  Napi::Value Result(Napi::Env env) override { return env.Undefined(); }

private:
  struct Step {
    corral_make_kind kind;
    std::string path, value, name;
  };

  static std::string Text(const Napi::Value &value) {
    return value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string();
  }

  static corral_make_kind Kind(const std::string &name) {
    if (name == "write")
      return CORRAL_WRITE;
    if (name == "label")
      return CORRAL_LABEL;
    return name == "shared" ? CORRAL_MAKE_SHARED : CORRAL_MAKE_NEW;
  }

  std::vector<Step> steps_;
};

} // namespace

std::unique_ptr<SpawnerJob> MakeGroupJob(const Napi::CallbackInfo &info) {
  return std::make_unique<GroupJob>(info.Env(), info[0].As<Napi::Array>());
}
