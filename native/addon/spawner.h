// The threads that make groups and start processes in them. Threads of their own because clone3 with
// CLONE_VFORK puts its caller to sleep until the exec, and that caller must never be the event loop. One
// start after another, as long as none takes long. One that does (its directory or its program is on a file
// system that does not answer) keeps its thread, and the others go on in another.
#ifndef CORRAL_SPAWNER_H
#define CORRAL_SPAWNER_H

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "bridge.h"
#include "spawn_job.h"

class Spawner {
public:
  explicit Spawner(Bridge &bridge);
  // JavaScript thread, all of these. Sees to it that there is a thread for one more start. False, with errno:
  // none can be opened.
  bool Start();
  // Once it was started. Gives the number by which it can be cancelled.
  uint32_t Add(std::unique_ptr<SpawnJob> job);
  // Kills the child of a start that is not over; `number` is the errno of its answer, which comes when the
  // thread is back or, with `abandon`, now.
  void Cancel(uint32_t id, int number, bool abandon);
  // Ends the threads, all but those that sleep with a child that hangs: they touch nothing any more that is
  // gone then.
  void Stop();

private:
  using Clock = std::chrono::steady_clock;
  struct Entry {
    uint32_t id;
    std::unique_ptr<SpawnJob> job;
  };
  struct Running {
    uint32_t id;
    SpawnJob *job;
    Clock::time_point since;
  };
  // What the threads touch, so that one that was left behind touches nothing that is gone.
  struct Shared {
    std::mutex mutex;
    std::mutex making; // of directories, which starts of one family share
    std::condition_variable changed;
    Bridge *bridge;
    std::deque<Entry> queue;
    std::vector<Running> running;
    size_t threads = 0, waiting = 0;
    int scheduler = 0; // the scheduling policy that the gateway's own threads have
    bool stop = false;

    bool Grow(const std::shared_ptr<Shared> &self);
    bool MayRun() const;
    Clock::duration UntilLate() const;
    void Finish(std::unique_ptr<SpawnAnswer> answer);
    void RunNext(std::unique_lock<std::mutex> &lock, const std::shared_ptr<Shared> &self);
  };
  static void *Run(void *context);
  static void Loop(const std::shared_ptr<Shared> &shared);

  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  uint32_t last_id_ = 0;
};

#endif
