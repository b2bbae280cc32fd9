#include "spawn_job.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

extern "C" {
#include "../core/pidfd.h"
extern char **environ;
}

namespace {

void CloseAll(std::vector<int> &fds) {
  for (int fd : fds)
    if (fd >= 0)
      close(fd);
  fds.clear();
}

} // namespace

SpawnAnswer::~SpawnAnswer() {
  if (handed_over_ || spawned_.pidfd < 0)
    return;
  // The environment ended before the result could be handed over. The process is in its group, and that is
  // how it is found again.
  close(spawned_.pidfd);
  CloseAll(fds_);
}

void SpawnAnswer::Settle(Napi::Env env) {
  if (exit_)
    exit_->Abandon(env);
  Job::Settle(env);
}

void SpawnAnswer::Fill(const corral_spawned &spawned, std::vector<int> fds, Watcher &watcher) {
  spawned_ = spawned;
  fds_ = std::move(fds);
  if (spawned_.pidfd < 0)
    return;
  exit_->Watch(spawned_.pidfd);
  watcher.Add(std::move(exit_));
}

Napi::Value SpawnAnswer::Result(Napi::Env env) {
  handed_over_ = true;
  Napi::Array result = Napi::Array::New(env, 3 + fds_.size());
  result.Set(0U, Napi::Number::New(env, spawned_.pid));
  result.Set(1U, Napi::Number::New(env, spawned_.pidfd));
  result.Set(2U, Napi::Boolean::New(env, spawned_.created_in_place));
  for (uint32_t i = 0; i < fds_.size(); i++)
    result.Set(3 + i, Napi::Number::New(env, fds_[i]));
  return result;
}

SpawnJob::SpawnJob(std::unique_ptr<SpawnAnswer> answer, std::string block, std::shared_ptr<Watcher> watcher,
                   std::shared_ptr<Handles> handles)
    : answer_(std::move(answer)), watcher_(std::move(watcher)), handles_(std::move(handles)),
      block_(std::move(block)) {
  const char *flags = block_.c_str(); // the first field
  urgent_ = std::strchr(flags, 'u');
  if (!std::strchr(flags, 'e'))
    CopyEnvironment(); // now, on the thread that may change it
  under_way_.pidfd = -1;
  corral_schedule_get(&schedule_); // of this thread
}

SpawnJob::~SpawnJob() {
  if (made_ >= 0)
    close(made_);
  corral_plan_free(&plan_);
}

void SpawnJob::CopyEnvironment() {
  environment_.reserve(8192);
  for (char **entry = environ; entry && *entry; entry++)
    environment_.append(*entry, std::strlen(*entry) + 1);
  for (size_t at = 0; at < environment_.size(); at += std::strlen(&environment_[at]) + 1)
    env_.push_back(&environment_[at]);
  env_.push_back(nullptr);
}

void SpawnJob::Run(std::mutex &making) {
  int answer = corral_plan_read(block_.data(), block_.size(), env_.data(), nullptr, &plan_);
  if (answer < 0) {
    corral_fail(&error_, -answer, "read plan", "");
    return;
  }
  plan_.spawn.schedule = schedule_;
  if (plan_.spawn.group && !Make(making))
    return;
  if (*plan_.spawn.command) { // else the group is made for somebody else to enter
    fds_.assign(plan_.spawn.stdio_count, -1);
    started_ = corral_spawn(&plan_.spawn, &under_way_, &spawned_, fds_.data(), &error_) == 0;
  }
  if (error_.number)
    Unmake(making);
  else if (plan_.spawn.group && made_ >= 0)
    handles_->Keep(plan_.spawn.group, corral_put_away(std::exchange(made_, -1)));
}

bool SpawnJob::Make(std::mutex &making) {
  std::lock_guard<std::mutex> guard(making);
  group_ = std::make_unique<PathHandle>(handles_->Find(plan_.spawn.group));
  const corral_base base = group_->Base();
  const corral_path path = group_->Get();
  plan_.spawn.group_fd = path.fd;
  if (plan_.step_count == 0)
    return true;
  if (corral_make(&base, plan_.steps, plan_.step_count, &error_) < 0) {
    plan_.step_count = 0;
    return false;
  }
  made_ = plan_.spawn.group_fd = corral_open_path(&path, CORRAL_OPEN_DIRECTORY);
  if (made_ >= 0)
    return true;
  corral_fail(&error_, errno, "open cgroup", path.path);
  corral_unmake(&base, plan_.steps, plan_.step_count);
  plan_.step_count = 0;
  return false;
}

// Once: after that others may have made the same.
void SpawnJob::Unmake(std::mutex &making) {
  std::lock_guard<std::mutex> guard(making);
  if (plan_.step_count == 0)
    return;
  const corral_base base = group_->Base();
  if (made_ >= 0)
    close(std::exchange(made_, -1));
  else
    handles_->Drop(plan_.spawn.group);
  corral_unmake(&base, plan_.steps, plan_.step_count);
  plan_.step_count = 0;
}

void SpawnJob::Undo(std::mutex &making) {
  if (started_) {
    corral_exit ended;
    (void)corral_pidfd_signal(spawned_.pidfd, SIGKILL);
    (void)corral_pidfd_wait(spawned_.pidfd, true, &ended);
    close(spawned_.pidfd);
    CloseAll(fds_);
    started_ = false;
  }
  Unmake(making);
}

void SpawnJob::Cancel(int number) {
  if (!Cancelled())
    corral_spawn_kill(&under_way_, number, &cancelled_);
}

void SpawnJob::Refuse(int number, const char *operation) {
  corral_fail(&cancelled_, number, operation, "");
}

std::unique_ptr<SpawnAnswer> SpawnJob::Answer() {
  if (!answer_)
    return nullptr;
  if (Cancelled())
    answer_->Fill(cancelled_);
  else if (error_.number)
    answer_->Fill(error_);
  else
    answer_->Fill(spawned_, std::move(fds_), *watcher_);
  return std::move(answer_);
}
