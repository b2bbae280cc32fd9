#include "admission.h"

#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

extern "C" {
#include "../core/admission.h"
}

Admission::~Admission() {
  close(listener_);
}

bool Admission::Tell(pid_t pid, std::string text) {
  if (text.size() > CORRAL_ADMISSION_BYTES)
    return false;
  std::lock_guard<std::mutex> guard(mutex_);
  told_[pid] = std::move(text);
  return true;
}

void Admission::Forget(pid_t pid) {
  std::lock_guard<std::mutex> guard(mutex_);
  told_.erase(pid);
}

void Admission::Close() {
  std::lock_guard<std::mutex> guard(mutex_);
  closed_ = true;
  shutdown(listener_, SHUT_RDWR); // nobody connects any more, and the job hears of it
}

bool Admission::Closed() {
  std::lock_guard<std::mutex> guard(mutex_);
  return closed_;
}

void Admission::Answer(int asker, pid_t pid) {
  std::lock_guard<std::mutex> guard(mutex_);
  auto told = told_.find(pid);
  if (told != told_.end()) // one that was not told yet asks again
    (void)send(asker, told->second.data(), told->second.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

std::shared_ptr<Admission> Admissions::Open(const std::string &directory, int *answer) {
  *answer = corral_admission_open(directory.c_str());
  if (*answer < 0)
    return nullptr;
  return open_[*answer] = std::make_shared<Admission>(*answer);
}

std::shared_ptr<Admission> Admissions::Get(int number) const {
  auto found = open_.find(number);
  return found == open_.end() ? nullptr : found->second;
}

void Admissions::Close(int number) {
  if (auto admission = Get(number))
    admission->Close();
  open_.erase(number);
}

void Admissions::CloseAll() {
  for (auto &[number, admission] : open_)
    admission->Close();
  open_.clear();
}

namespace {

class AdmissionJob : public WatcherJob {
public:
  AdmissionJob(Napi::Env env, std::shared_ptr<Admission> admission)
      : WatcherJob(env), admission_(std::move(admission)) {}

  int Descriptor() const override { return admission_->Listener(); }
  // Edge-triggered: a client that cannot be let in without a free descriptor would wake the watcher without
  // end
  uint32_t Events() const override { return EPOLLIN | EPOLLET; }
  bool HoldsLoop() const override { return false; }

  int64_t Step(int64_t) override {
    for (int i = 0; i < kAtOnce; i++) {
      if (admission_->Closed())
        return kDone;
      pid_t pid = 0;
      int asker = corral_admission_next(admission_->Listener(), &pid);
      if (asker == -EAGAIN)
        return kWaitForEvent;
      if (asker == -EPERM)
        continue;
      if (asker < 0)
        return kWithoutDescriptorsMs;
      admission_->Answer(asker, pid);
      close(asker);
    }
    return 0;
  }

protected:
  Napi::Value Result(Napi::Env env) override { return env.Undefined(); }

private:
  static constexpr int kAtOnce = 64; // then other jobs have their turn
  static constexpr int64_t kWithoutDescriptorsMs = 20;

  std::shared_ptr<Admission> admission_;
};

} // namespace

std::unique_ptr<WatcherJob> MakeAdmissionJob(Napi::Env env, std::shared_ptr<Admission> admission) {
  return std::make_unique<AdmissionJob>(env, std::move(admission));
}
