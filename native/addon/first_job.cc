// first(): waits for the process that comes into a group first, started by any program, and opens it.
#include <cerrno>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <unistd.h>

#include "jobs.h"
#include "text.h"

extern "C" {
#include "../core/members.h"
#include "../core/pidfd.h"
#include "../core/populated.h"
}

namespace {

// Until it has looked, it has the lock of the group's directory: `corral-warden enter` waits for that before
// it becomes the command (native/warden/enter.c). So who is found is one that came from outside: what the
// session does or says, it does later.
class FirstJob : public WatcherJob {
public:
  FirstJob(Napi::Env env, PathHandle group) : WatcherJob(env), group_(std::move(group)) {
    directory_ = group_.Open(O_RDONLY | O_DIRECTORY);
    events_ = directory_ < 0 ? -1 : openat(directory_, "cgroup.events", O_RDONLY | O_CLOEXEC);
    if (events_ < 0 || flock(directory_, LOCK_EX | LOCK_NB) < 0)
      corral_fail(&error_, errno, events_ < 0 ? "open" : "flock", group_.Path().c_str());
  }
  ~FirstJob() override {
    LetIn();
    for (const int fd : {directory_, events_, pidfd_})
      if (fd >= 0)
        close(fd);
  }

  const corral_error &Refused() const { return error_; }
  int Descriptor() const override { return events_; }
  uint32_t Events() const override { return EPOLLPRI; }
  bool HoldsLoop() const override { return false; }

  int64_t Step(int64_t) override {
    corral_group_events events;
    const int answer = corral_reread_group_events(events_, &events);
    if (answer < 0)
      return answer == -ENODEV || answer == -ENOENT ? kDone : kLookAgainMs;
    if (!events.populated)
      return hidden_ ? kDone : kLookAgainMs;
    return hidden_ || !Look() ? kLookAgainMs : kDone;
  }

protected:
  // It is the caller's from here on.
  Napi::Value Result(Napi::Env env) override {
    const int pidfd = pidfd_;
    pidfd_ = -1;
    return pidfd < 0 ? env.Undefined() : Napi::Number::New(env, pidfd);
  }

private:
  // In case a kernel does not wake us when the group goes, or there was no descriptor to look with.
  static constexpr int64_t kLookAgainMs = 5000;

  // One that lives in another pid namespace cannot be opened: it is over when the group is empty.
  bool Look() {
    corral_members members = {};
    const corral_path group = group_.Get();
    if (corral_members_read(&group, &members) == 0) {
      for (size_t i = 0; i < members.count && pidfd_ < 0; i++)
        pidfd_ = OpenMember(group, members.pids[i]);
      hidden_ = members.count == 0 && members.unreachable;
    }
    corral_members_free(&members);
    if (pidfd_ >= 0 || hidden_)
      LetIn();
    return pidfd_ >= 0;
  }

  // Asked after the pidfd was opened: so the pid cannot be a later process's.
  static int OpenMember(const corral_path &group, pid_t pid) {
    const int pidfd = corral_pidfd_open(pid);
    corral_members members = {};
    const bool member =
        pidfd >= 0 && corral_members_read(&group, &members) == 0 && corral_members_has(&members, pid);
    corral_members_free(&members);
    if (member)
      return pidfd;
    if (pidfd >= 0)
      close(pidfd);
    return -1;
  }

  // Said, and not only closed: a child that is being started has a copy of the descriptor up to its exec.
  void LetIn() {
    if (directory_ >= 0)
      flock(directory_, LOCK_UN);
  }

  PathHandle group_;
  int directory_ = -1, events_ = -1, pidfd_ = -1;
  bool hidden_ = false;
};

} // namespace

std::unique_ptr<WatcherJob> MakeFirstJob(Corral &corral, PathHandle group) {
  auto job = std::make_unique<FirstJob>(corral.env, std::move(group));
  if (job->Refused().number == 0)
    return job;
  ToError(corral.env, job->Refused()).ThrowAsJavaScriptException();
  return nullptr;
}
