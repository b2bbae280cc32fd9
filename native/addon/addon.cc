#include "addon.h"

#include <cerrno>
#include <vector>

#include "job.h"

Corral::Corral(Napi::Env environment) : env(environment), bridge(new Bridge(environment)) {
  napi_add_env_cleanup_hook(env, &Corral::AtEnd, this);
}

// Before anything of the environment is torn down: no thread may finish a job into it any more.
void Corral::AtEnd(void *self) {
  Corral *corral = static_cast<Corral *>(self);
  corral->looker->Stop();
  corral->watcher->Stop();
  corral->walker->Stop();
  corral->links->CloseAll();
  corral->admissions->CloseAll();
  corral->spawner->Stop();
  corral->scribe->Stop();
  corral->bridge->Close();
}

Napi::Value Corral::Fail(int number, const char *operation, const std::string &path) {
  corral_error error;
  corral_fail(&error, number, operation, path.c_str());
  ToError(env, error).ThrowAsJavaScriptException();
  return env.Undefined();
}

bool Corral::HasWatcher() {
  if (watcher->Start()) {
    reserve->Fill();
    return true;
  }
  Fail(errno, "start watcher");
  return false;
}

Napi::Value Corral::AddTo(Watcher &thread, std::unique_ptr<WatcherJob> job) {
  if (!job || !HasWatcher())
    return env.Undefined();
  Napi::Value promise = job->Promise();
  if (job->HoldsLoop())
    bridge->Hold();
  thread.Add(std::move(job));
  return promise;
}

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  auto *corral = new Corral(env);
  env.SetInstanceData(corral); // which destroys it at the environment's end
  for (const Methods &methods :
       {kGroupMethods, kInstanceMethods, kLinkMethods, kProcessMethods, kProgramMethods})
    for (const auto &[name, call] : methods) {
      const napi_property_descriptor property = {name,    nullptr, call,         nullptr,
                                                 nullptr, nullptr, napi_default, corral};
      napi_define_properties(env, exports, 1, &property);
    }
  return exports;
}

NODE_API_MODULE(corral, Init)
