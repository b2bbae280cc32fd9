// A piece of work that JavaScript asked for and another thread does: a promise on one side, C data on the
// other.
#ifndef CORRAL_JOB_H
#define CORRAL_JOB_H

#include <napi.h>

extern "C" {
#include "../core/error.h"
}

// Made and destroyed on the JavaScript thread; Settle() runs there too. In between it belongs to one worker
// thread, which must not touch the promise.
class Job {
public:
  explicit Job(Napi::Env env) : deferred_(Napi::Promise::Deferred::New(env)) {}
  virtual ~Job() = default;
  Job(const Job &) = delete;
  Job &operator=(const Job &) = delete;

  Napi::Value Promise() const { return deferred_.Promise(); }
  // Resolves or rejects the promise with what the worker left in this job.
  virtual void Settle(Napi::Env env);
  // Settles the promise of a job that will not be done after all: Node keeps those that are never settled.
  void Abandon(Napi::Env env) { deferred_.Resolve(env.Undefined()); }
  // Whether the event loop is kept alive until this job has settled.
  virtual bool HoldsLoop() const { return true; }

protected:
  virtual Napi::Value Result(Napi::Env env) = 0;
  corral_error error_ = {};

private:
  Napi::Promise::Deferred deferred_;
};

// The Error that a failure in native/core becomes: `errno` (negative, as in Node), `syscall` and `path`.
// src/common/errors.ts turns it into one of the typed errors.
Napi::Error ToError(Napi::Env env, const corral_error &error);

#endif
