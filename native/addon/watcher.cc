#include "watcher.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <ctime>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "looker.h"

namespace {

int64_t NowMs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

constexpr int kEventsAtOnce = 64;
constexpr int64_t kPollMs = 10;
constexpr size_t kTurnsAtOnce = 1024;

} // namespace

Watcher::Watcher(Bridge &bridge, const char *name, Looker &looker, Watcher *walker)
    : bridge_(bridge), name_(name), looker_(looker), walker_(walker) {}

bool Watcher::Start() {
  if (started_)
    return true;
  if ((walker_ && !walker_->Start()) || !looker_.Start())
    return false;
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_event event = {};
  event.events = EPOLLIN; // data.ptr stays null: that is how the loop knows it
  int refused = epoll_ < 0 || wake_ < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) < 0 ? errno : 0;
  // Signals are for the threads of the gateway that want them.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  if (!refused) // std::thread would end the gateway where no thread can be created (EAGAIN)
    refused = pthread_create(&thread_, nullptr, &Watcher::Run, this);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  started_ = refused == 0;
  if (started_)
    return true;
  if (epoll_ >= 0)
    close(epoll_);
  if (wake_ >= 0)
    close(wake_);
  epoll_ = wake_ = -1;
  errno = refused;
  return false;
}

void *Watcher::Run(void *self) {
  static_cast<Watcher *>(self)->Loop();
  return nullptr;
}

void Watcher::Add(std::unique_ptr<WatcherJob> job) {
  std::lock_guard<std::mutex> guard(mutex_);
  if (stop_) // the environment ended while a process was being started; `wake_` may be somebody else's now
    return;
  added_.push_back(job.release());
  uint64_t one = 1;
  (void)!write(wake_, &one, sizeof one);
}

void Watcher::Stop() {
  if (!started_)
    return;
  {
    std::lock_guard<std::mutex> guard(mutex_);
    stop_ = true;
  }
  uint64_t one = 1;
  (void)!write(wake_, &one, sizeof one);
  pthread_join(thread_, nullptr);
  for (WatcherJob *job : added_)
    delete job;
  for (WatcherJob *job : jobs_)
    delete job;
  for (WatcherJob *job : waiting_)
    delete job;
  close(epoll_);
  close(wake_);
}

void Watcher::Unschedule(WatcherJob *job) {
  if (job->timed_)
    timers_.erase(job->timer_);
  job->timed_ = false;
}

void Watcher::Schedule(WatcherJob *job, int64_t wait_ms) {
  Unschedule(job);
  if (wait_ms == WatcherJob::kWaitForEvent && !job->polled_)
    return;
  if (job->polled_)
    wait_ms = std::min(wait_ms, kPollMs);
  job->timer_ = timers_.emplace(NowMs() + wait_ms, job);
  job->timed_ = true;
}

void Watcher::Remove(WatcherJob *job) {
  Unschedule(job);
  if (job->registered_ && job->Descriptor() >= 0)
    epoll_ctl(epoll_, EPOLL_CTL_DEL, job->Descriptor(), nullptr);
  jobs_.erase(job);
  if (job->TakesTurns())
    turns_--;
}

// Done, or gone on with elsewhere.
void Watcher::Finish(WatcherJob *job, int64_t answer) {
  Remove(job);
  if (answer == WatcherJob::kDone)
    bridge_.Finish(job);
  else if (answer == WatcherJob::kPass)
    looker_.Add(std::unique_ptr<WatcherJob>(job), *this);
  else
    walker_->Add(std::unique_ptr<WatcherJob>(job));
}

// How long until the next step; kDone, kWalk and kPass: no more of them here.
int64_t Watcher::StepOf(WatcherJob *job) const {
  int64_t wait_ms = job->Step(NowMs());
  return wait_ms == WatcherJob::kWalk && !walker_ ? 0 : wait_ms;
}

void Watcher::Step(WatcherJob *job) {
  int64_t wait_ms = StepOf(job);
  if (wait_ms < 0)
    Finish(job, wait_ms);
  else
    Schedule(job, wait_ms);
}

void Watcher::Begin(WatcherJob *job) {
  jobs_.insert(job);
  int64_t wait_ms = StepOf(job);
  if (wait_ms < 0)
    return Finish(job, wait_ms);
  job->registered_ = job->Descriptor() >= 0 && job->IsWoken();
  job->polled_ = false;
  if (job->registered_) {
    epoll_event event = {};
    event.events = job->Events();
    event.data.ptr = job;
    // Where epoll has no room (ENOMEM, ENOSPC: max_user_watches), time alone has to do.
    job->polled_ = epoll_ctl(epoll_, EPOLL_CTL_ADD, job->Descriptor(), &event) < 0;
  }
  Schedule(job, wait_ms);
}

void Watcher::Take(WatcherJob *job) {
  if (job->TakesTurns())
    waiting_.push_back(job);
  else
    Begin(job);
}

void Watcher::GiveTurns() {
  while (!waiting_.empty() && turns_ < kTurnsAtOnce) {
    WatcherJob *next = waiting_.front();
    waiting_.pop_front();
    turns_++;
    Begin(next);
  }
}

int Watcher::NextTimeout() const {
  if (timers_.empty())
    return -1;
  return static_cast<int>(std::clamp<int64_t>(timers_.begin()->first - NowMs(), 0, INT_MAX));
}

void Watcher::Loop() {
  pthread_setname_np(pthread_self(), name_);
  std::vector<WatcherJob *> added;
  for (;;) {
    epoll_event events[kEventsAtOnce];
    int ready = epoll_wait(epoll_, events, kEventsAtOnce, NextTimeout());
    for (int i = 0; i < ready; i++) {
      if (events[i].data.ptr) {
        // One that is over may be told of still: it has closed its descriptor, but a child that is being
        // started has a copy of it up to its exec, and epoll forgets only what nobody has open (epoll(7), Q6)
        auto *job = static_cast<WatcherJob *>(events[i].data.ptr);
        if (jobs_.count(job))
          Step(job);
        continue;
      }
      uint64_t count;
      (void)!read(wake_, &count, sizeof count);
    }
    while (!timers_.empty() && timers_.begin()->first <= NowMs())
      Step(timers_.begin()->second);
    {
      std::lock_guard<std::mutex> guard(mutex_);
      if (stop_)
        return;
      added.swap(added_);
    }
    for (WatcherJob *job : added)
      Take(job);
    added.clear();
    GiveTurns();
  }
}
