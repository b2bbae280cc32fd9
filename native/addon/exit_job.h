// Waits for a process to end, reaps it, and tells how it ended: { code, signal }. Does not keep the event
// loop alive.
#ifndef CORRAL_EXIT_JOB_H
#define CORRAL_EXIT_JOB_H

#include "watcher.h"

extern "C" {
#include "../core/pidfd.h"
}

class ExitJob : public WatcherJob {
public:
  using WatcherJob::WatcherJob;

  // Before it is given to the watcher. The descriptor stays its owner's.
  void Watch(int pidfd) { pidfd_ = pidfd; }

  bool HoldsLoop() const override { return false; } // as of child_process: ref() and unref() decide
  int Descriptor() const override { return pidfd_; }
  uint32_t Events() const override;
  int64_t Step(int64_t now_ms) override;

protected:
  Napi::Value Result(Napi::Env env) override;

private:
  int pidfd_ = -1;
  corral_exit ended_ = {};
};

#endif
