// The thread that waits: for processes to exit (pidfds), for groups to become empty (cgroup.events) and for
// directories to become removable. Any number of them at once, in one epoll. Beside it there is a second one,
// the walker, for what takes longer: a look at all that a payload has made may take thousands of
// groups to look at, and nobody else is to wait for that.
#ifndef CORRAL_WATCHER_H
#define CORRAL_WATCHER_H

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <pthread.h>
#include <unistd.h>
#include <unordered_set>
#include <vector>

#include "bridge.h"

extern "C" {
#include "../core/mark.h"
}

class Looker;

class WatcherJob : public Job {
public:
  using Job::Job;
  // On the watcher's thread. Each Step() does what is due and returns how many ms to wait at most before the
  // next one; kWaitForEvent: until the descriptor is ready; kDone: finished.
  static constexpr int64_t kDone = -1;
  static constexpr int64_t kWalk = -2; // there is more to do at once: on the walker's thread
  static constexpr int64_t kPass = -3; // nothing, before a pass over all processes: of the looker's thread
  static constexpr int64_t kWaitForEvent = INT64_MAX;
  virtual int64_t Step(int64_t now_ms) = 0;
  // What wakes the job besides its time; asked once, after the first Step(). -1: nothing.
  virtual int Descriptor() const { return -1; }
  // Whether it does; also asked once.
  virtual bool IsWoken() const { return true; }
  virtual uint32_t Events() const { return 0; }
  // A job that holds descriptors of its own until it is done: of those, only so many are begun at a time.
  virtual bool TakesTurns() const { return false; }
  // On the looker's thread, after kPass: what the pass found, or -errno of it. Before the next Step().
  virtual void JudgePass(const corral_bearers &bearers, int refused) {
    (void)bearers;
    (void)refused;
  }

private:
  friend class Watcher;
  bool registered_ = false; // epoll has its descriptor
  bool polled_ = false;     // epoll does not tell of its descriptor
  std::multimap<int64_t, WatcherJob *>::iterator timer_;
  bool timed_ = false;
};

// One that waits for a descriptor of its own, which it closes. It does not keep the event loop alive.
class DescriptorJob : public WatcherJob {
public:
  DescriptorJob(Napi::Env env, uint32_t events, int fd = -1) : WatcherJob(env), fd_(fd), events_(events) {}
  ~DescriptorJob() override {
    if (fd_ >= 0)
      close(fd_);
  }

  int Descriptor() const override { return fd_; }
  uint32_t Events() const override { return events_; }
  bool HoldsLoop() const override { return false; }

protected:
  int fd_;

private:
  const uint32_t events_;
};

class Watcher {
public:
  Watcher(Bridge &bridge, const char *name, Looker &looker, Watcher *walker = nullptr);
  // JavaScript thread. Starts the thread, if it does not run yet. False, with errno: there are no descriptors
  // left, or no threads.
  bool Start();
  // Any thread, once the watcher was started. After Stop() the job is dropped.
  void Add(std::unique_ptr<WatcherJob> job);
  void Stop();

private:
  static void *Run(void *self);
  void Loop();
  void Take(WatcherJob *job);
  void GiveTurns();
  void Begin(WatcherJob *job);
  void Step(WatcherJob *job);
  void Schedule(WatcherJob *job, int64_t wait_ms);
  void Unschedule(WatcherJob *job);
  void Remove(WatcherJob *job);
  void Finish(WatcherJob *job, int64_t answer);
  int64_t StepOf(WatcherJob *job) const;
  int NextTimeout() const;

  Bridge &bridge_;
  const char *name_;
  Looker &looker_;
  Watcher *walker_; // null: this is the walker
  int epoll_ = -1;
  int wake_ = -1;
  pthread_t thread_ = {};
  bool started_ = false;
  std::mutex mutex_; // guards added_ and stop_, and wake_ against being closed
  std::vector<WatcherJob *> added_;
  bool stop_ = false;
  // The watcher thread's own.
  std::multimap<int64_t, WatcherJob *> timers_;
  std::unordered_set<WatcherJob *> jobs_;
  std::deque<WatcherJob *> waiting_; // for a turn
  size_t turns_ = 0;
};

#endif
