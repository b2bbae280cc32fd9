// One start: spawn()'s promises on one side, and on the other what a spawner's thread does for them. The two
// are apart, because the promise can be settled while the thread still sleeps with a child that hangs.
#ifndef CORRAL_SPAWN_JOB_H
#define CORRAL_SPAWN_JOB_H

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "exit_job.h"
#include "handles.h"
#include "watcher.h"

extern "C" {
#include "../core/plan.h"
}

// -> [pid, pidfd, createdInPlace, ...the caller's descriptors (-1: none)]
class SpawnAnswer : public Job {
public:
  explicit SpawnAnswer(Napi::Env env) : Job(env), exit_(new ExitJob(env)) {}
  ~SpawnAnswer() override;

  // -> { code, signal }, when the process has ended and is reaped. Does not keep the event loop alive.
  Napi::Value Exited() const { return exit_->Promise(); }
  void Settle(Napi::Env env) override;

  void Fill(const corral_error &error) { error_ = error; }
  void Fill(const corral_spawned &spawned, std::vector<int> fds, Watcher &watcher);

protected:
  Napi::Value Result(Napi::Env env) override;

private:
  std::unique_ptr<ExitJob> exit_;
  corral_spawned spawned_ = {0, -1, false};
  std::vector<int> fds_;
  bool handed_over_ = false;
};

class SpawnJob {
public:
  // JavaScript thread. The plan is one string of fields with a NUL behind each (src/native/plan.ts);
  // native/core/plan.h has the order. Its steps are done first; when they or the spawn fail, nothing of them
  // is left. Without a command they are all that is done.
  SpawnJob(std::unique_ptr<SpawnAnswer> answer, std::string block, std::shared_ptr<Watcher> watcher,
           std::shared_ptr<Handles> handles);
  ~SpawnJob();

  // Whether nothing of it is a stranger's: it does not hang, and goes before others.
  bool Urgent() const { return urgent_; }

  // A spawner's thread: all of it. `making` is held while directories are made or taken away.
  void Run(std::mutex &making);
  // After Run(), where it was cancelled: ends what was started all the same.
  void Undo(std::mutex &making);

  // The rest is done under the lock of the spawner.
  // Kills the child, if there is one; the answer will be an error of that number, with what the child was at.
  void Cancel(int number);
  // The same before Run().
  void Refuse(int number, const char *operation);
  bool Cancelled() const { return cancelled_.number != 0; }
  // The answer, once: after Run(), or after Cancel().
  std::unique_ptr<SpawnAnswer> Answer();

private:
  void CopyEnvironment();
  bool Make(std::mutex &making);
  void Unmake(std::mutex &making);

  corral_schedule schedule_ = {};
  std::unique_ptr<SpawnAnswer> answer_;
  std::shared_ptr<Watcher> watcher_;
  std::shared_ptr<Handles> handles_;
  // One block of memory from here to exec: argv, env and all else point into it
  std::string block_, environment_;
  std::vector<char *> env_;
  bool urgent_;
  corral_plan plan_ = {};
  std::unique_ptr<PathHandle> group_;
  int made_ = -1; // the group, where this has made it and it is not kept yet
  corral_under_way under_way_ = {};
  corral_spawned spawned_ = {0, -1, false};
  std::vector<int> fds_;
  corral_error error_ = {}, cancelled_ = {};
  bool started_ = false;
};

#endif
