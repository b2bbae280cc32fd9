#include "spawner.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {
// A start takes 0.2 ms when nothing is wrong. After this others do not wait for it.
constexpr std::chrono::milliseconds kLate(2);
// At most so many starts at once. Those that hang longer than their bound are given up, but keep their
// threads for as long as the file system does not answer.
constexpr size_t kAtOnce = 64;
// What is never a stranger's program finds room beyond that: a guard.
constexpr size_t kReserved = 4;
// One that works, and one that sees when it hangs.
constexpr size_t kSpare = 2;
} // namespace

Spawner::Spawner(Bridge &bridge) {
  shared_->bridge = &bridge;
}

// Not std::thread, which ends the gateway where no thread can be created (EAGAIN).
bool Spawner::Shared::Grow(const std::shared_ptr<Shared> &self) {
  if (threads >= kAtOnce + kReserved)
    return false;
  auto context = std::make_unique<std::shared_ptr<Shared>>(self);
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
  threads++;
  return true;
}

bool Spawner::Start() {
  std::lock_guard<std::mutex> guard(shared_->mutex);
  if (shared_->threads == 0)
    shared_->scheduler = static_cast<int>(syscall(SYS_sched_getscheduler, 0));
  return shared_->waiting > 0 || shared_->Grow(shared_) || shared_->threads > 0;
}

uint32_t Spawner::Add(std::unique_ptr<SpawnJob> job) {
  const uint32_t id = ++last_id_;
  {
    std::lock_guard<std::mutex> guard(shared_->mutex);
    std::deque<Entry> &queue = shared_->queue;
    if (job->Urgent())
      queue.push_front({id, std::move(job)});
    else
      queue.push_back({id, std::move(job)});
  } // first: the thread that wakes up wants the lock
  shared_->changed.notify_one();
  return id;
}

void Spawner::Cancel(uint32_t id, int number, bool abandon) {
  std::lock_guard<std::mutex> guard(shared_->mutex);
  auto &queue = shared_->queue;
  auto waits = std::find_if(queue.begin(), queue.end(), [id](const Entry &entry) { return entry.id == id; });
  if (waits != queue.end()) {
    waits->job->Refuse(number, "wait for other spawns");
    shared_->Finish(waits->job->Answer());
    queue.erase(waits);
    return;
  }
  for (const Running &one : shared_->running) {
    if (one.id != id)
      continue;
    one.job->Cancel(number);
    if (abandon)
      shared_->Finish(one.job->Answer());
  }
}

void Spawner::Shared::Finish(std::unique_ptr<SpawnAnswer> answer) {
  if (answer)
    bridge->Finish(answer.release());
}

// How long it takes until all that run now are late: then nobody waits for them.
Spawner::Clock::duration Spawner::Shared::UntilLate() const {
  Clock::duration wait = Clock::duration::zero();
  const Clock::time_point now = Clock::now();
  for (const Running &one : running)
    wait = std::max(wait, one.since + kLate - now);
  return wait;
}

bool Spawner::Shared::MayRun() const {
  return running.size() < kAtOnce + (queue.front().job->Urgent() ? kReserved : 0);
}

void Spawner::Shared::RunNext(std::unique_lock<std::mutex> &lock, const std::shared_ptr<Shared> &self) {
  const uint32_t id = queue.front().id;
  std::unique_ptr<SpawnJob> job = std::move(queue.front().job);
  queue.pop_front();
  running.push_back({id, job.get(), Clock::now()});
  if (!queue.empty() && waiting == 0)
    (void)Grow(self); // somebody has to see it when this one hangs
  lock.unlock();
  job->Run(making);
  lock.lock();
  if (job->Cancelled()) {
    lock.unlock();
    job->Undo(making);
    lock.lock();
  }
  running.erase(
      std::find_if(running.begin(), running.end(), [id](const Running &one) { return one.id == id; }));
  if (!stop) // under the lock: Stop() cannot return, and close the bridge, in between
    Finish(job->Answer());
}

void *Spawner::Run(void *context) {
  std::unique_ptr<std::shared_ptr<Shared>> owned(static_cast<std::shared_ptr<Shared> *>(context));
  Loop(*owned);
  return nullptr;
}

void Spawner::Loop(const std::shared_ptr<Shared> &shared) {
  pthread_setname_np(pthread_self(), "corral-spawner");
  std::unique_lock<std::mutex> lock(shared->mutex);
  // Batch threads do not preempt the thread that wakes them (sched(7)): else each spawn would begin with the
  // event loop being put aside for it. Only where the gateway has the ordinary policy. (By their numbers:
  // musl refuses these two, since POSIX wants them to be of a process.)
  const sched_param parameter = {};
  if (shared->scheduler == SCHED_OTHER)
    (void)syscall(SYS_sched_setscheduler, 0, SCHED_BATCH, &parameter);
  while (!shared->stop) {
    const bool idle = shared->queue.empty() || !shared->MayRun();
    const Clock::duration wait = idle ? Clock::duration::zero() : shared->UntilLate();
    if (!idle && wait <= Clock::duration::zero()) {
      shared->RunNext(lock, shared);
      continue;
    }
    if (idle && shared->waiting >= kSpare)
      break;
    shared->waiting++;
    if (idle)
      shared->changed.wait(lock);
    else // By the clock that every libc can wait on; a jump of it costs at most that the next start wakes us
      shared->changed.wait_until(lock, std::chrono::system_clock::now() +
                                           std::chrono::duration_cast<std::chrono::microseconds>(wait));
    shared->waiting--;
  }
  shared->threads--;
  shared->changed.notify_all();
}

void Spawner::Stop() {
  std::unique_lock<std::mutex> lock(shared_->mutex);
  shared_->stop = true;
  shared_->changed.notify_all();
  for (Clock::duration wait; (wait = shared_->UntilLate()) > Clock::duration::zero();)
    shared_->changed.wait_until(lock, std::chrono::system_clock::now() +
                                          std::chrono::duration_cast<std::chrono::microseconds>(wait));
}
