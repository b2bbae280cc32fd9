// The gateway's side of native/core/admission.h: what each of its children is to become. The watcher's thread
// answers, so that who connects in vain, however often, is not in the way of the event loop.
#ifndef CORRAL_ADDON_ADMISSION_H
#define CORRAL_ADDON_ADMISSION_H

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <sys/types.h>

#include "watcher.h"

class Admission {
public:
  explicit Admission(int listener) : listener_(listener) {}
  ~Admission();
  Admission(const Admission &) = delete;
  Admission &operator=(const Admission &) = delete;

  int Listener() const { return listener_; }
  // What this child is told whenever it asks. False: it is too long.
  bool Tell(pid_t pid, std::string text);
  void Forget(pid_t pid);
  // Answers nobody any more; its job is done.
  void Close();

  // Watcher thread.
  bool Closed();
  void Answer(int asker, pid_t pid);

private:
  int listener_;
  std::mutex mutex_; // guards the rest
  std::map<pid_t, std::string> told_;
  bool closed_ = false;
};

// Those of an environment, by their descriptors.
class Admissions {
public:
  ~Admissions() { CloseAll(); }

  // Listens in a directory. The admission, or nothing and -errno in `answer`.
  std::shared_ptr<Admission> Open(const std::string &directory, int *answer);
  // Nothing when it is closed.
  std::shared_ptr<Admission> Get(int number) const;
  void Close(int number);
  void CloseAll();

private:
  std::map<int, std::shared_ptr<Admission>> open_;
};

// Answers all that ask, until it is closed. Does not keep the event loop alive.
std::unique_ptr<WatcherJob> MakeAdmissionJob(Napi::Env env, std::shared_ptr<Admission> admission);

#endif
