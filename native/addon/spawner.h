// The thread that makes groups and starts processes in them, one job after another. A thread of its own
// because clone3 with CLONE_VFORK puts its caller to sleep until the exec, and that caller must never be the
// event loop.
#ifndef CORRAL_SPAWNER_H
#define CORRAL_SPAWNER_H

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>

#include "bridge.h"

class SpawnerJob : public Job {
public:
  using Job::Job;
  // On the spawner's thread. `scheduler`: the scheduling policy that the gateway's own threads have.
  virtual void Run(int scheduler) = 0;
};

class Spawner {
public:
  explicit Spawner(Bridge &bridge);
  // JavaScript thread. Starts the thread, if it does not run yet. False, with errno: there is none to be had.
  bool Start();
  // Once it was started.
  void Add(std::unique_ptr<SpawnerJob> job);
  // Ends the thread. False when it hangs in a clone (a group that was frozen meanwhile) and had to be left
  // behind.
  bool Stop();

private:
  // What the thread touches, so that a thread that had to be left behind touches nothing that is gone.
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::unique_ptr<SpawnerJob>> queue;
    bool stop = false;
    bool running = false;
  };
  struct Context {
    std::shared_ptr<Shared> shared;
    Bridge *bridge;
  };
  static void *Run(void *context);
  static void Loop(const std::shared_ptr<Shared> &shared, Bridge *bridge);

  Bridge &bridge_;
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

#endif
