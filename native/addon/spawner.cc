#include "spawner.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {
// How long the end of the environment waits for a clone that is under way. It takes 0.2 ms when nothing is
// wrong.
constexpr std::chrono::seconds kStopWait(2);
} // namespace

Spawner::Spawner(Bridge &bridge) : bridge_(bridge) {}

// Not std::thread, which ends the gateway where no thread is to be had (EAGAIN).
bool Spawner::Start() {
  std::lock_guard<std::mutex> guard(shared_->mutex);
  if (shared_->running)
    return true;
  auto context = std::make_unique<Context>(Context{shared_, &bridge_});
  // Signals are for the threads of the gateway that want them.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const int refused = pthread_create(&thread, nullptr, &Spawner::Run, context.get());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (refused) {
    errno = refused;
    return false;
  }
  (void)context.release(); // the thread's
  pthread_detach(thread);
  shared_->running = true;
  return true;
}

void Spawner::Add(std::unique_ptr<SpawnerJob> job) {
  {
    std::lock_guard<std::mutex> guard(shared_->mutex);
    shared_->queue.push_back(std::move(job));
  } // first: the thread that wakes up wants the lock
  shared_->changed.notify_one();
}

void *Spawner::Run(void *context) {
  std::unique_ptr<Context> owned(static_cast<Context *>(context));
  Loop(owned->shared, owned->bridge);
  return nullptr;
}

void Spawner::Loop(const std::shared_ptr<Shared> &shared, Bridge *bridge) {
  pthread_setname_np(pthread_self(), "corral-spawner");
  // Batch threads do not preempt whoever wakes them (sched(7)): else each spawn would begin with the event
  // loop being put aside for it. Only where the gateway has the ordinary policy.
  // (By their numbers: musl refuses these two, since POSIX wants them to be of a process.)
  int scheduler = static_cast<int>(syscall(SYS_sched_getscheduler, 0));
  const sched_param parameter = {};
  if (scheduler == SCHED_OTHER)
    (void)syscall(SYS_sched_setscheduler, 0, SCHED_BATCH, &parameter);
  std::unique_lock<std::mutex> lock(shared->mutex);
  while (!shared->stop) {
    if (shared->queue.empty()) {
      shared->changed.wait(lock);
      continue;
    }
    std::unique_ptr<SpawnerJob> job = std::move(shared->queue.front());
    shared->queue.pop_front();
    lock.unlock();
    job->Run(scheduler);
    lock.lock();
    if (!shared->stop)
      bridge->Finish(job.release()); // under the lock: Stop() cannot return, and close the bridge, in between
  }
  shared->running = false;
  shared->changed.notify_all();
}

bool Spawner::Stop() {
  std::unique_lock<std::mutex> lock(shared_->mutex);
  shared_->stop = true;
  shared_->changed.notify_all();
  // By the clock that every libc can wait on; a jump of it costs at most this wait.
  auto until = std::chrono::system_clock::now() + kStopWait;
  return shared_->changed.wait_until(lock, until, [this] { return !shared_->running; });
}
