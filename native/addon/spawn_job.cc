// spawn(): makes a group, starts a process in it, watches for its end. The plan comes as one string, and
// stays one block of memory from here to exec: argv, env and all else point into it.
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <string>
#include <unistd.h>
#include <vector>

#include "exit_job.h"
#include "jobs.h"

extern "C" {
#include "../core/plan.h"
extern char **environ;
}

namespace {

class Spawning : public SpawnJob {
public:
  Spawning(Napi::Env env, std::string block, std::shared_ptr<Watcher> watcher,
           std::shared_ptr<Handles> handles)
      : SpawnJob(env), watcher_(std::move(watcher)), handles_(std::move(handles)), exit_(new ExitJob(env)),
        block_(std::move(block)) {
    if (!std::strchr(block_.c_str(), 'e')) // the first field: flags
      CopyEnvironment();                   // now, on the thread that may change it
  }

  ~Spawning() override {
    corral_plan_free(&plan_);
    if (!started_ || handed_over_)
      return;
    // The environment ended before the result could be handed over. The process is in its group, and that is
    // how it is found again.
    close(spawned_.pidfd);
    for (int fd : fds_)
      if (fd >= 0)
        close(fd);
  }

  Napi::Value Exited() const override { return exit_->Promise(); }

  void Settle(Napi::Env env) override {
    if (exit_)
      exit_->Abandon(env);
    Job::Settle(env);
  }

  void Run(int scheduler) override {
    int answer = corral_plan_read(block_.data(), block_.size(), env_.data(), &plan_);
    if (answer < 0) {
      corral_fail(&error_, -answer, "read plan", "");
      return;
    }
    plan_.spawn.scheduler = scheduler == SCHED_OTHER ? scheduler : -1;
    fds_.assign(plan_.spawn.stdio_count, -1);
    if (!plan_.spawn.group)
      return Start();
    const Place group = handles_->Find(plan_.spawn.group);
    const corral_base base = group.Base();
    if (corral_make(&base, plan_.steps, plan_.step_count, &error_) < 0)
      return;
    const corral_place place = group.Get();
    int held = plan_.step_count > 0 ? corral_open_place(&place, CORRAL_OPEN_DIRECTORY) : -1;
    plan_.spawn.group_fd = held >= 0 ? held : place.fd;
    if (held < 0 && plan_.step_count > 0)
      corral_fail(&error_, errno, "open cgroup", place.path);
    else
      Start();
    if (error_.number) {
      if (held >= 0)
        close(held);
      corral_unmake(&base, plan_.steps, plan_.step_count);
    } else if (held >= 0) {
      handles_->Keep(plan_.spawn.group, corral_put_away(held));
    }
  }

protected:
  Napi::Value Result(Napi::Env env) override {
    handed_over_ = true;
    Napi::Array result = Napi::Array::New(env, 3 + fds_.size());
    result.Set(0U, Napi::Number::New(env, spawned_.pid));
    result.Set(1U, Napi::Number::New(env, spawned_.pidfd));
    result.Set(2U, Napi::Boolean::New(env, spawned_.created_in_place));
    for (uint32_t i = 0; i < fds_.size(); i++)
      result.Set(3 + i, Napi::Number::New(env, fds_[i]));
    return result;
  }

private:
  void Start() {
    if (!*plan_.spawn.command) { // the group is made for somebody else to enter
      spawned_ = {0, -1, false};
      return;
    }
    started_ = corral_spawn(&plan_.spawn, &spawned_, fds_.data(), &error_) == 0;
    if (!started_)
      return;
    exit_->Watch(spawned_.pidfd);
    watcher_->Add(std::move(exit_));
  }

  void CopyEnvironment() {
    environment_.reserve(8192);
    for (char **entry = environ; entry && *entry; entry++)
      environment_.append(*entry, std::strlen(*entry) + 1);
    for (size_t at = 0; at < environment_.size(); at += std::strlen(&environment_[at]) + 1)
      env_.push_back(&environment_[at]);
    env_.push_back(nullptr);
  }

  std::shared_ptr<Watcher> watcher_;
  std::shared_ptr<Handles> handles_;
  std::unique_ptr<ExitJob> exit_;
  std::string block_, environment_;
  std::vector<char *> env_;
  corral_plan plan_ = {};
  corral_spawned spawned_ = {};
  std::vector<int> fds_;
  bool started_ = false;
  bool handed_over_ = false;
};

} // namespace

std::unique_ptr<SpawnJob> MakeSpawnJob(const Napi::CallbackInfo &info, std::shared_ptr<Watcher> watcher,
                                       std::shared_ptr<Handles> handles) {
  return std::make_unique<Spawning>(info.Env(), info[0].As<Napi::String>().Utf8Value(), std::move(watcher),
                                    std::move(handles));
}
