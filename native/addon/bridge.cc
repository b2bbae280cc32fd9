#include "bridge.h"

#include <memory>

Bridge::Bridge(Napi::Env env)
    : env_(env), channel_(Channel::New(env, "corral", /* unlimited queue */ 0, /* owners */ 1, this)) {
  channel_.Unref(env);
}

void Bridge::Hold() {
  if (holds_++ == 0)
    channel_.Ref(env_);
}

void Bridge::Release() {
  if (holds_ > 0 && --holds_ == 0)
    channel_.Unref(env_);
}

void Bridge::Close() {
  channel_.Release();
}

void Bridge::Finish(Job *job) {
  channel_.BlockingCall(job);
}

void Bridge::OnFinished(Napi::Env env, Napi::Function, Bridge *bridge, Job *job) {
  std::unique_ptr<Job> owned(job);
  if (!env) // the environment is going: nobody is left to be told
    return;
  if (owned->HoldsLoop())
    bridge->Release();
  owned->Settle(env);
}
