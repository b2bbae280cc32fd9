// survey(): looks at all sessions off the event loop, on a thread of libuv's pool.
#include "survey_worker.h"

#include "job.h"
#include "text.h"

namespace {

class SurveyWorker : public Napi::AsyncWorker {
public:
  SurveyWorker(Napi::Env env, SurveyPlan plan)
      : AsyncWorker(env, "corral:survey"), deferred_(Napi::Promise::Deferred::New(env)),
        plan_(std::move(plan)) {}

  Napi::Value Promise() const { return deferred_.Promise(); }

  void Execute() override {
    std::string refused;
    int answer = Survey(plan_, rows_, refused);
    if (answer < 0)
      corral_fail(&error_, -answer, "read cgroup", refused.c_str());
  }

  void OnOK() override {
    if (error_.number)
      deferred_.Reject(ToError(Env(), error_).Value());
    else
      deferred_.Resolve(ToText(Env(), rows_));
  }

private:
  Napi::Promise::Deferred deferred_;
  SurveyPlan plan_;
  std::string rows_;
  corral_error error_ = {};
};

} // namespace

Napi::Value StartSurvey(Napi::Env env, SurveyPlan plan) {
  auto *worker = new SurveyWorker(env, std::move(plan)); // deletes itself
  Napi::Value promise = worker->Promise();
  worker->Queue();
  return promise;
}
