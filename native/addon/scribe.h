// The thread that writes into ledgers. Their file systems may hang, so nobody else does, nobody waits for its
// end, and it keeps no event loop alive.
#ifndef CORRAL_SCRIBE_H
#define CORRAL_SCRIBE_H

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <napi.h>
#include <string>

#include "bridge.h"

class Scribe {
public:
  explicit Scribe(Bridge &bridge);
  Scribe(const Scribe &) = delete;
  Scribe &operator=(const Scribe &) = delete;

  // JavaScript thread. A promise that is settled once the lines are written, or are refused.
  Napi::Value Append(Napi::Env env, std::string path, std::string lines);
  // JavaScript thread. What is not written by now is written all the same, but nobody is told.
  void Stop();

private:
  class Lines;
  struct Shared {
    Bridge *bridge = nullptr;
    std::mutex mutex; // guards all below
    std::condition_variable added;
    std::deque<std::unique_ptr<Lines>> queue;
    bool started = false, stop = false;
  };

  int Start();
  static void *Run(void *context);
  static void Loop(Shared &shared);

  std::shared_ptr<Shared> shared_;
};

#endif
