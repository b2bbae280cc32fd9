// The thread that looks who bears the mark of a session (native/core/mark.h): a pass over all processes of
// the machine. Endings that want one at about the same time share it: it begins when nobody is about to want
// one, too, so that a hundred that are ended at once need one or two.
#ifndef CORRAL_LOOKER_H
#define CORRAL_LOOKER_H

#include <cstdint>
#include <memory>
#include <mutex>
#include <pthread.h>
#include <utility>
#include <vector>

#include "reserve.h"
#include "watcher.h"

extern "C" {
#include "../core/mark.h"
}

class Looker {
public:
  explicit Looker(std::shared_ptr<Reserve> reserve);
  ~Looker();
  Looker(const Looker &) = delete;
  Looker &operator=(const Looker &) = delete;

  // JavaScript thread. Starts the thread, if it does not run yet. False, with errno: there are none left.
  bool Start();
  // Any thread. One more, or fewer, that will want a pass soon.
  void Expect(int more);
  // Any thread. The job gets a pass that begins after this, by JudgePass() on the looker's thread, and goes
  // back.
  void Add(std::unique_ptr<WatcherJob> job, Watcher &back);
  // Any thread. Makes a pass on the spot, where nobody else is to share it and the last one was short: a
  // hand-over to another thread and back takes as long. False: it is to be waited for, by Add(). `refused`:
  // -errno, or 0.
  bool PassNow(corral_bearers &bearers, int &refused);
  // JavaScript thread. Jobs that wait are kept until the looker is destroyed.
  void Stop();
  // How many there were.
  uint64_t Passes();

private:
  struct Waiting {
    std::unique_ptr<WatcherJob> job;
    Watcher *back;
  };

  static void *Run(void *self);
  void Loop();
  // Without the mutex. Gives how many ms it took.
  int64_t Pass(corral_bearers &bearers, int &refused);
  void AwaitOthers();
  // With the mutex held. False: nobody said anything up to then (CLOCK_MONOTONIC).
  bool AwaitChange(int64_t until_ms);

  std::shared_ptr<Reserve> reserve_;
  pthread_t thread_ = {};
  bool started_ = false;
  std::mutex mutex_; // guards all below
  pthread_cond_t
      changed_; // std::condition_variable is code of libstdc++, which is not linked (native/prebuild)
  std::vector<Waiting> waiting_;
  int expected_ = 0;
  uint64_t passes_ = 0;
  int64_t last_ms_ = 0; // that the last pass took
  bool stop_ = false;
};

#endif
