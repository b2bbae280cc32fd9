// spawn(): makes a group, starts a process in it, watches for its end. The plan is copied out of JavaScript
// completely before anything else happens.
#include <algorithm>
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

std::vector<std::string> Strings(const Napi::Array &array) {
  std::vector<std::string> strings;
  strings.reserve(array.Length());
  for (uint32_t i = 0; i < array.Length(); i++)
    strings.push_back(array.Get(i).ToString().Utf8Value());
  return strings;
}

std::vector<std::string> Environment() {
  std::vector<std::string> strings;
  for (char **entry = environ; entry && *entry; entry++)
    strings.emplace_back(*entry);
  return strings;
}

std::vector<char *> Pointers(std::vector<std::string> &strings) {
  std::vector<char *> pointers;
  pointers.reserve(strings.size() + 1);
  for (std::string &string : strings)
    pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

// As execvp(3): a name with a slash is a path; others are looked up in the PATH of the *new* environment.
std::vector<std::string> Candidates(const std::string &command, const std::vector<std::string> &env) {
  if (command.find('/') != std::string::npos)
    return {command};
  std::string path = "/usr/local/bin:/bin:/usr/bin";
  for (const std::string &entry : env)
    if (entry.compare(0, 5, "PATH=") == 0)
      path = entry.substr(5);
  std::vector<std::string> candidates;
  for (size_t at = 0; at <= path.size();) {
    size_t end = std::min(path.find(':', at), path.size());
    std::string directory = path.substr(at, end - at);
    if (!directory.empty())
      directory += '/';
    candidates.push_back(directory.append(command));
    at = end + 1;
  }
  return candidates;
}

class Spawning : public SpawnJob {
public:
  Spawning(Napi::Env env, const Napi::Object &plan, Watcher &watcher)
      : SpawnJob(env), watcher_(watcher), exit_(new ExitJob(env)) {
    Napi::Value make = plan.Get("make");
    if (make.IsArray())
      make_ = Strings(make.As<Napi::Array>());
    command_ = plan.Get("command").ToString().Utf8Value();
    args_ = Strings(plan.Get("argv").As<Napi::Array>());
    Napi::Value environment = plan.Get("env");
    env_ = environment.IsArray() ? Strings(environment.As<Napi::Array>()) : Environment();
    candidates_ = Candidates(command_, env_);
    plan_.cwd = Text(plan.Get("cwd"), cwd_);
    plan_.group = Text(plan.Get("group"), group_);
    plan_.detached = plan.Get("detached").ToBoolean();
    plan_.no_clone3 = plan.Get("noClone3").ToBoolean();
    Napi::Value uid = plan.Get("uid"), gid = plan.Get("gid");
    if ((plan_.set_uid = uid.IsNumber()))
      plan_.uid = uid.As<Napi::Number>().Uint32Value();
    if ((plan_.set_gid = gid.IsNumber()))
      plan_.gid = gid.As<Napi::Number>().Uint32Value();
    ReadStdio(plan.Get("stdio").As<Napi::Array>());
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

  void Run() override {
    std::vector<char *> argv = Pointers(args_), env = Pointers(env_), candidates = Pointers(candidates_);
    std::vector<char *> shell_argv(argv.size() + 2, nullptr);
    plan_.command = command_.c_str();
    plan_.candidates = const_cast<const char **>(candidates.data());
    plan_.argv = argv.data();
    plan_.envp = env.data();
    plan_.shell_argv = shell_argv.data();
    plan_.stdio = stdio_.data();
    plan_.stdio_count = stdio_.size();
    fds_.assign(stdio_.size(), -1);
    std::vector<corral_make_step> steps = Steps();
    if (corral_make(steps.data(), steps.size(), &error_) < 0)
      return;
    started_ = corral_spawn(&plan_, &spawned_, fds_.data(), &error_) == 0;
    if (!started_)
      return corral_unmake(steps.data(), steps.size());
    exit_->Watch(spawned_.pidfd);
    watcher_.Add(std::move(exit_));
  }

protected:
  Napi::Value Result(Napi::Env env) override {
    handed_over_ = true;
    Napi::Object result = Napi::Object::New(env);
    Napi::Array fds = Napi::Array::New(env, fds_.size());
    for (uint32_t i = 0; i < fds_.size(); i++)
      fds.Set(i, Napi::Number::New(env, fds_[i]));
    result.Set("pid", Napi::Number::New(env, spawned_.pid));
    result.Set("pidfd", Napi::Number::New(env, spawned_.pidfd));
    result.Set("fds", fds);
    result.Set("createdInPlace", Napi::Boolean::New(env, spawned_.created_in_place));
    return result;
  }

private:
  static constexpr size_t kStepStrings = 4; // kind, path, value, name

  std::vector<corral_make_step> Steps() const {
    std::vector<corral_make_step> steps;
    for (size_t at = 0; at + kStepStrings <= make_.size(); at += kStepStrings)
      steps.push_back(
          {Kind(make_[at]), make_[at + 1].c_str(), make_[at + 3].c_str(), make_[at + 2].c_str(), false});
    return steps;
  }

  static corral_make_kind Kind(const std::string &name) {
    if (name == "write")
      return CORRAL_WRITE;
    if (name == "label")
      return CORRAL_LABEL;
    return name == "shared" ? CORRAL_MAKE_SHARED : CORRAL_MAKE_NEW;
  }

  static const char *Text(const Napi::Value &value, std::string &storage) {
    if (!value.IsString())
      return nullptr;
    storage = value.As<Napi::String>().Utf8Value();
    return storage.c_str();
  }

  // Each entry is a descriptor's number, or 'ignore', 'socket', 'pipe-in', 'pipe-out'.
  void ReadStdio(const Napi::Array &list) {
    for (uint32_t i = 0; i < list.Length(); i++) {
      Napi::Value entry = list.Get(i);
      corral_stdio stdio = {CORRAL_STDIO_IGNORE, -1};
      if (entry.IsNumber()) {
        stdio = {CORRAL_STDIO_FD, entry.As<Napi::Number>().Int32Value()};
      } else {
        std::string kind = entry.ToString().Utf8Value();
        if (kind == "socket")
          stdio.kind = CORRAL_STDIO_SOCKET;
        else if (kind == "pipe-in")
          stdio.kind = CORRAL_STDIO_PIPE_IN;
        else if (kind == "pipe-out")
          stdio.kind = CORRAL_STDIO_PIPE_OUT;
      }
      stdio_.push_back(stdio);
    }
  }

  Watcher &watcher_;
  std::unique_ptr<ExitJob> exit_;
  std::string command_, cwd_, group_;
  std::vector<std::string> make_, args_, env_, candidates_;
  std::vector<corral_stdio> stdio_;
  corral_spawn_plan plan_ = {};
  corral_spawned spawned_ = {};
  std::vector<int> fds_;
  bool started_ = false;
  bool handed_over_ = false;
};

} // namespace

std::unique_ptr<SpawnJob> MakeSpawnJob(const Napi::CallbackInfo &info, Watcher &watcher) {
  return std::make_unique<Spawning>(info.Env(), info[0].As<Napi::Object>(), watcher);
}
