#include "scribe.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>
#include <utility>

#include "reserve.h"

extern "C" {
#include "../core/ledger.h"
#include "../core/own.h"
}

class Scribe::Lines : public Job {
public:
  Lines(Napi::Env env, std::string path, std::string lines)
      : Job(env), path_(std::move(path)), lines_(std::move(lines)) {}

  bool HoldsLoop() const override { return false; }

  // `spare`: a descriptor to be given up for this where there are no others.
  void Write(int &spare) {
    if (Append() && spare >= 0 && Reserve::IsShortage(error_.number)) {
      corral_drop_fd(&spare);
      Append();
    }
    if (spare < 0)
      spare = open("/", O_PATH | O_CLOEXEC);
  }

  void Refuse(int number) { corral_fail(&error_, number, "start scribe", path_.c_str()); }

protected:
  Napi::Value Result(Napi::Env env) override { return env.Undefined(); }

private:
  bool Append() {
    error_ = {};
    return corral_ledger_append(path_.c_str(), lines_.data(), lines_.size(), &error_) < 0;
  }

  std::string path_, lines_;
};

Scribe::Scribe(Bridge &bridge) : shared_(std::make_shared<Shared>()) {
  shared_->bridge = &bridge;
}

Napi::Value Scribe::Append(Napi::Env env, std::string path, std::string lines) {
  auto job = std::make_unique<Lines>(env, std::move(path), std::move(lines));
  Napi::Value promise = job->Promise();
  const std::lock_guard<std::mutex> lock(shared_->mutex);
  if (const int refused = Start()) {
    job->Refuse(refused);
    job->Settle(env);
    return promise;
  }
  shared_->queue.push_back(std::move(job));
  shared_->added.notify_one();
  return promise;
}

// 0, or errno.
int Scribe::Start() {
  if (shared_->started)
    return 0;
  auto context = std::make_unique<std::shared_ptr<Shared>>(shared_);
  // Signals are for the threads of the gateway that want them.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const int refused = pthread_create(&thread, nullptr, &Scribe::Run, context.get());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (refused)
    return refused;
  (void)context.release(); // the thread's
  pthread_detach(thread);
  shared_->started = true;
  return 0;
}

void *Scribe::Run(void *context) {
  std::unique_ptr<std::shared_ptr<Shared>> owned(static_cast<std::shared_ptr<Shared> *>(context));
  Loop(**owned);
  return nullptr;
}

void Scribe::Loop(Shared &shared) {
  pthread_setname_np(pthread_self(), "corral-scribe");
  CORRAL_OWNED_FD spare = -1;
  std::unique_lock<std::mutex> lock(shared.mutex);
  for (;;) {
    while (shared.queue.empty() && !shared.stop)
      shared.added.wait(lock);
    if (shared.queue.empty())
      return;
    std::unique_ptr<Lines> next = std::move(shared.queue.front());
    shared.queue.pop_front();
    lock.unlock();
    next->Write(spare);
    lock.lock();
    if (!shared.stop) // under the lock: Stop() cannot return, and close the bridge, in between
      shared.bridge->Finish(next.release());
  }
}

void Scribe::Stop() {
  const std::lock_guard<std::mutex> lock(shared_->mutex);
  shared_->stop = true;
  shared_->added.notify_one();
}
