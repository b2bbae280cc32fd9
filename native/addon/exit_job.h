// Waits for a process to end. A child of ours is reaped, and it is told how it ended: { code, signal }. Of
// any other, also one that others reap, it is told whether it has ended within a time. Keeps the event loop
// alive only for that time: as of child_process, ref() and unref() decide.
#ifndef CORRAL_EXIT_JOB_H
#define CORRAL_EXIT_JOB_H

#include "watcher.h"

extern "C" {
#include "../core/pidfd.h"
}

class ExitJob : public WatcherJob {
public:
  // Of a child, whose descriptor stays its owner's, and comes by Watch() before the job is given to the
  // watcher.
  explicit ExitJob(Napi::Env env) : WatcherJob(env) {}
  // Of any process, with a descriptor of its own: the caller may close the other at any time. `within_ms` is
  // negative: for ever.
  ExitJob(Napi::Env env, int pidfd, int64_t within_ms);
  ~ExitJob() override;
  void Watch(int pidfd) { pidfd_ = pidfd; }

  bool HoldsLoop() const override { return within_ms_ >= 0; }
  int Descriptor() const override { return pidfd_; }
  uint32_t Events() const override;
  int64_t Step(int64_t now_ms) override;

protected:
  Napi::Value Result(Napi::Env env) override;

private:
  const bool child_ = true;
  const int64_t within_ms_ = -1;
  int64_t deadline_ms_ = 0;
  int pidfd_ = -1;
  bool ended_ = false;
  corral_exit how_ = {};
};

#endif
