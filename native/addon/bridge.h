// Carries finished jobs from the worker threads back to the JavaScript thread, and keeps the event loop alive
// while somebody waits for one.
#ifndef CORRAL_BRIDGE_H
#define CORRAL_BRIDGE_H

#include <napi.h>

#include "job.h"

class Bridge {
public:
  explicit Bridge(Napi::Env env);

  // JavaScript thread. Hold() and Release() are counted; at zero the loop may end although jobs are under
  // way.
  void Hold();
  void Release();
  // Called once, at the end of the environment, when no worker runs any more.
  void Close();

  // Any thread. Hands the job back; it is settled and destroyed on the JavaScript thread.
  void Finish(Job *job);

private:
  static void OnFinished(Napi::Env env, Napi::Function, Bridge *bridge, Job *job);
  using Channel = Napi::TypedThreadSafeFunction<Bridge, Job, OnFinished>;

  Napi::Env env_;
  Channel channel_;
  size_t holds_ = 0;
};

#endif
