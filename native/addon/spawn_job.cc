// spawn(): makes a group, starts a process in it, watches for its end. The plan comes as one string, and
// stays one block of memory from here to exec: argv, env and all else point into it.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <sched.h>
#include <string>
#include <unistd.h>
#include <vector>

#include "exit_job.h"
#include "jobs.h"

extern "C" {
#include "../core/group.h"
#include "../core/spawn.h"
extern char **environ;
}

namespace {

// The fields of a plan, one after another, each ended by a NUL. Past the end all are empty.
class Fields {
public:
  explicit Fields(std::string &block) : at_(block.data()), end_(block.data() + block.size()) {}

  bool More() const { return at_ < end_; }

  char *Next() {
    char *field = std::min(at_, end_);
    at_ = field + std::strlen(field) + 1;
    return field;
  }

  // nullptr for an empty field.
  char *NextOrNone() {
    char *field = Next();
    return *field ? field : nullptr;
  }

  // A count, then so many fields; a null pointer ends the list, as exec wants it.
  std::vector<char *> NextList() {
    std::vector<char *> list(std::strtoul(Next(), nullptr, 10) + 1, nullptr);
    for (size_t i = 0; i + 1 < list.size(); i++)
      list[i] = Next();
    return list;
  }

private:
  char *at_, *end_;
};

corral_stdio ParseStdio(const char *text) {
  if (!std::strcmp(text, "ignore"))
    return {CORRAL_STDIO_IGNORE, -1};
  if (!std::strcmp(text, "socket"))
    return {CORRAL_STDIO_SOCKET, -1};
  if (!std::strcmp(text, "pipe-in"))
    return {CORRAL_STDIO_PIPE_IN, -1};
  if (!std::strcmp(text, "pipe-out"))
    return {CORRAL_STDIO_PIPE_OUT, -1};
  return {CORRAL_STDIO_FD, static_cast<int>(std::strtol(text, nullptr, 10))};
}

corral_make_kind ParseKind(const char *text) {
  if (!std::strcmp(text, "write"))
    return CORRAL_WRITE;
  if (!std::strcmp(text, "label"))
    return CORRAL_LABEL;
  return !std::strcmp(text, "shared") ? CORRAL_MAKE_SHARED : CORRAL_MAKE_NEW;
}

class Spawning : public SpawnJob {
public:
  Spawning(Napi::Env env, std::string block, Watcher &watcher)
      : SpawnJob(env), watcher_(watcher), exit_(new ExitJob(env)), block_(std::move(block)) {
    Fields fields(block_);
    const char *flags = fields.Next();
    plan_.detached = std::strchr(flags, 'd');
    plan_.no_clone3 = std::strchr(flags, 'n');
    if (const char *uid = fields.NextOrNone())
      plan_.set_uid = true, plan_.uid = static_cast<uid_t>(std::strtoul(uid, nullptr, 10));
    if (const char *gid = fields.NextOrNone())
      plan_.set_gid = true, plan_.gid = static_cast<gid_t>(std::strtoul(gid, nullptr, 10));
    plan_.cwd = fields.NextOrNone();
    plan_.group = fields.NextOrNone();
    plan_.memory_group = fields.NextOrNone();
    plan_.command = fields.Next();
    argv_ = fields.NextList();
    std::vector<char *> stdio = fields.NextList();
    for (size_t i = 0; i + 1 < stdio.size(); i++)
      stdio_.push_back(ParseStdio(stdio[i]));
    if (std::strchr(flags, 'e'))
      env_ = fields.NextList();
    else
      CopyEnvironment(); // now, on the thread that may change it
    while (fields.More()) {
      corral_make_kind kind = ParseKind(fields.Next());
      const char *path = fields.Next(), *value = fields.Next();
      steps_.push_back({kind, path, fields.Next(), value, false});
    }
  }

  ~Spawning() override {
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
    plan_.scheduler = scheduler == SCHED_OTHER ? scheduler : -1;
    FindCandidates();
    std::vector<char *> shell_argv(argv_.size() + 2, nullptr);
    std::vector<const char *> candidates;
    for (const std::string &candidate : candidates_)
      candidates.push_back(candidate.c_str());
    candidates.push_back(nullptr);
    plan_.candidates = candidates.data();
    plan_.argv = argv_.data();
    plan_.envp = env_.data();
    plan_.shell_argv = shell_argv.data();
    plan_.stdio = stdio_.data();
    plan_.stdio_count = stdio_.size();
    fds_.assign(stdio_.size(), -1);
    if (corral_make(steps_.data(), steps_.size(), &error_) < 0)
      return;
    if (!*plan_.command) { // the group is made for somebody else to enter
      spawned_ = {0, -1, false};
      return;
    }
    started_ = corral_spawn(&plan_, &spawned_, fds_.data(), &error_) == 0;
    if (!started_)
      return corral_unmake(steps_.data(), steps_.size());
    exit_->Watch(spawned_.pidfd);
    watcher_.Add(std::move(exit_));
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
  void CopyEnvironment() {
    environment_.reserve(8192);
    for (char **entry = environ; entry && *entry; entry++)
      environment_.append(*entry, std::strlen(*entry) + 1);
    for (size_t at = 0; at < environment_.size(); at += std::strlen(&environment_[at]) + 1)
      env_.push_back(&environment_[at]);
    env_.push_back(nullptr);
  }

  // As execvp(3): a name with a slash is a path; others are looked up in the PATH of the *new* environment.
  void FindCandidates() {
    std::string command = plan_.command, path = "/usr/local/bin:/bin:/usr/bin";
    if (command.find('/') != std::string::npos) {
      candidates_.push_back(command);
      return;
    }
    for (const char *entry : env_)
      if (entry && !std::strncmp(entry, "PATH=", 5))
        path = entry + 5;
    for (size_t at = 0; at <= path.size();) {
      size_t end = std::min(path.find(':', at), path.size());
      std::string directory = path.substr(at, end - at);
      if (!directory.empty())
        directory += '/';
      candidates_.push_back(directory.append(command));
      at = end + 1;
    }
  }

  Watcher &watcher_;
  std::unique_ptr<ExitJob> exit_;
  std::string block_, environment_;
  std::vector<char *> argv_, env_;
  std::vector<std::string> candidates_;
  std::vector<corral_stdio> stdio_;
  std::vector<corral_make_step> steps_;
  corral_spawn_plan plan_ = {};
  corral_spawned spawned_ = {};
  std::vector<int> fds_;
  bool started_ = false;
  bool handed_over_ = false;
};

} // namespace

std::unique_ptr<SpawnJob> MakeSpawnJob(const Napi::CallbackInfo &info, Watcher &watcher) {
  return std::make_unique<Spawning>(info.Env(), info[0].As<Napi::String>().Utf8Value(), watcher);
}
