#include "looker.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>

namespace {

// How long nobody comes before the others, who are still at it, are not waited for any more: more where they
// come slowly, as on a busy machine. And how long they are waited for at most.
constexpr int64_t kQuietMs = 20, kGaps = 2, kMostMs = 2000;
// Where many are at it, they were begun together, and it is the machine that is slow.
constexpr int kMany = 8;
constexpr int64_t kQuietOfManyMs = 200;
// Of a pass that others may wait for.
constexpr int64_t kShortMs = 2;
constexpr int64_t kForEver = -1;

int64_t NowMs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

} // namespace

Looker::Looker(std::shared_ptr<Reserve> reserve) : reserve_(std::move(reserve)) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&changed_, &attributes);
  pthread_condattr_destroy(&attributes);
}

Looker::~Looker() {
  pthread_cond_destroy(&changed_);
}

bool Looker::Start() {
  if (started_)
    return true;
  // Signals are for the threads of the gateway that want them.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int refused = pthread_create(&thread_, nullptr, &Looker::Run, this);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  started_ = refused == 0;
  errno = refused;
  return started_;
}

void *Looker::Run(void *self) {
  static_cast<Looker *>(self)->Loop();
  return nullptr;
}

void Looker::Expect(int more) {
  const std::lock_guard<std::mutex> lock(mutex_);
  expected_ += more;
  if (more < 0)
    pthread_cond_signal(&changed_);
}

void Looker::Add(std::unique_ptr<WatcherJob> job, Watcher &back) {
  const std::lock_guard<std::mutex> lock(mutex_);
  waiting_.push_back({std::move(job), &back});
  pthread_cond_signal(&changed_);
}

uint64_t Looker::Passes() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return passes_;
}

void Looker::Stop() {
  if (!started_)
    return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
    pthread_cond_signal(&changed_);
  }
  pthread_join(thread_, nullptr);
}

int64_t Looker::Pass(corral_bearers &bearers, int &refused) {
  const int64_t began_ms = NowMs();
  refused = reserve_->Do([&] {
    const int answer = corral_bearers_read(&bearers);
    if (answer < 0)
      corral_bearers_free(&bearers);
    return answer;
  });
  return NowMs() - began_ms;
}

bool Looker::PassNow(corral_bearers &bearers, int &refused) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (stop_ || expected_ > 0 || !waiting_.empty() || last_ms_ > kShortMs)
      return false;
    passes_++;
  }
  const int64_t took_ms = Pass(bearers, refused);
  const std::lock_guard<std::mutex> lock(mutex_);
  last_ms_ = took_ms;
  return true;
}

bool Looker::AwaitChange(int64_t until_ms) {
  if (until_ms == kForEver)
    return pthread_cond_wait(&changed_, mutex_.native_handle()) == 0;
  const timespec until = {static_cast<time_t>(until_ms / 1000), static_cast<long>(until_ms % 1000 * 1000000)};
  return pthread_cond_timedwait(&changed_, mutex_.native_handle(), &until) == 0;
}

void Looker::AwaitOthers() {
  int64_t last_ms = NowMs(), longest_ms = 0;
  const int64_t most_ms = last_ms + kMostMs;
  size_t there = waiting_.size();
  const auto until_ms = [&] {
    const int64_t quiet_ms = expected_ < kMany ? kQuietMs : kQuietOfManyMs;
    return std::min(last_ms + quiet_ms + kGaps * longest_ms, most_ms);
  };
  while (!stop_ && expected_ > 0 && AwaitChange(until_ms())) {
    if (waiting_.size() == there)
      continue;
    there = waiting_.size();
    const int64_t now_ms = NowMs();
    longest_ms = std::max(longest_ms, now_ms - last_ms);
    last_ms = now_ms;
  }
}

void Looker::Loop() {
  pthread_setname_np(pthread_self(), "corral-looker");
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    while (!stop_ && waiting_.empty())
      (void)AwaitChange(kForEver);
    AwaitOthers();
    if (stop_)
      return;
    std::vector<Waiting> now;
    now.swap(waiting_);
    passes_++;
    lock.unlock();
    corral_bearers bearers;
    int refused = 0;
    const int64_t took_ms = Pass(bearers, refused);
    for (Waiting &one : now) {
      one.job->JudgePass(bearers, refused);
      one.back->Add(std::move(one.job));
    }
    corral_bearers_free(&bearers);
    lock.lock();
    last_ms_ = took_ms;
  }
}
