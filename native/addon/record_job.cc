// recordSession(), recordSessions(): the lines of a ledger, by what the kernel tells of cgroups, off the
// event loop.
#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <vector>

#include "jobs.h"
#include "text.h"

extern "C" {
#include "../core/memory_v1.h"
#include "../core/own.h"
#include "../core/record.h"
}

namespace {

// A text, or that there is none.
class Field {
public:
  Field(const Napi::Object &from, const char *name) {
    const Napi::Value value = from.Get(name);
    known_ = value.IsString();
    if (known_)
      text_ = ToBytes(value);
  }
  const char *Get() const { return known_ ? text_.c_str() : nullptr; }

private:
  bool known_;
  std::string text_;
};

int64_t NumberOf(const Napi::Object &from, const char *name) {
  const Napi::Value value = from.Get(name);
  return value.IsNumber() ? value.As<Napi::Number>().Int64Value() : -1;
}

// What JavaScript knows of a record.
struct Known {
  explicit Known(const Napi::Object &from)
      : writer(from, "writer"), mechanism(from, "mechanism"), instance(from, "instance"), id(from, "id"),
        key(from, "key"), parent(from, "parentKey"), command(from, "command"),
        command_line(from, "commandLine"), reason(from, "reason"), exit_signal(from, "signal"),
        started_ms(NumberOf(from, "startedAt")), killed(NumberOf(from, "killed")),
        exit_code(static_cast<int>(NumberOf(from, "exitCode"))) {
    const Napi::Value list = from.Get("killedNames");
    if (list.IsArray())
      for (uint32_t i = 0; i < list.As<Napi::Array>().Length(); i++)
        names.push_back(ToBytes(list.As<Napi::Array>().Get(i)));
    for (const std::string &name : names)
      name_list.push_back(name.c_str());
    usage = corral_usage_unknown();
    usage.cpu_user_us = NumberOf(from, "cpuUserUs");
    usage.cpu_system_us = NumberOf(from, "cpuSystemUs");
    if (usage.cpu_user_us >= 0 && usage.cpu_system_us >= 0)
      usage.cpu_us = usage.cpu_user_us + usage.cpu_system_us;
    usage.memory_peak = NumberOf(from, "memoryPeakBytes");
  }

  corral_record Get() const {
    corral_record record = corral_record_unknown();
    record.writer = writer.Get();
    record.mechanism = mechanism.Get();
    record.instance = instance.Get();
    record.id = id.Get();
    record.key = key.Get();
    record.parent = parent.Get();
    record.command = command.Get();
    record.command_line = command_line.Get();
    record.reason = reason.Get();
    record.started_ms = started_ms;
    record.exit_code = exit_code;
    record.exit_signal = exit_signal.Get();
    record.killed = killed;
    record.names = name_list.data();
    record.name_count = name_list.size();
    record.usage = usage;
    return record;
  }

  Field writer, mechanism, instance, id, key, parent, command, command_line, reason, exit_signal;
  int64_t started_ms, killed;
  int exit_code;
  std::vector<std::string> names;
  std::vector<const char *> name_list; // into these
  corral_usage usage;
};

class RecordJob : public WatcherJob {
public:
  RecordJob(Napi::Env env, PathHandle handle, std::shared_ptr<Reserve> reserve, const Napi::Object &known)
      : WatcherJob(env), handle_(std::move(handle)), reserve_(std::move(reserve)), known_(known) {}
  ~RecordJob() override { corral_json_free(&lines_); }

  int64_t Step(int64_t) override {
    const int answer = reserve_->Do([this] {
      corral_json_free(&lines_);
      return CanOpen() ? Write() : -EMFILE;
    });
    if (answer < 0)
      corral_fail(&error_, -answer, "read cgroup", handle_.Path().c_str());
    return kDone;
  }

protected:
  virtual int Write() = 0;

  Napi::Value Result(Napi::Env env) override {
    return ToText(env, lines_.text ? lines_.text : "", lines_.length);
  }

  PathHandle handle_;
  std::shared_ptr<Reserve> reserve_;
  Known known_;
  corral_json lines_ = {};

private:
  // A counter that no descriptor is left for would be one that the kernel does not have.
  static bool CanOpen() {
    CORRAL_OWNED_FD first = open("/", O_PATH | O_CLOEXEC);
    CORRAL_OWNED_FD second = open("/", O_PATH | O_CLOEXEC);
    CORRAL_OWNED_FD third = open("/", O_PATH | O_CLOEXEC);
    return first >= 0 && second >= 0 && third >= 0;
  }
};

class SessionJob : public RecordJob {
public:
  SessionJob(Napi::Env env, PathHandle handle, std::shared_ptr<Reserve> reserve, const Napi::Object &known)
      : RecordJob(env, std::move(handle), std::move(reserve), known), memory_(known, "memoryGroup") {}

protected:
  int Write() override {
    const corral_record record = known_.Get();
    if (handle_.Path().empty()) {
      corral_record_write(&lines_, &record);
    } else {
      const corral_path path = handle_.Get();
      CORRAL_OWNED_FD group = path.fd < 0 ? corral_open_path(&path, CORRAL_OPEN_DIRECTORY) : -1;
      CORRAL_OWNED_FD memory = memory_.Get() ? open(memory_.Get(), O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
      corral_record_write_group(&lines_, &record, path.fd < 0 ? group : path.fd, memory);
    }
    return lines_.failed ? -ENOMEM : 0;
  }

private:
  Field memory_;
};

class SessionsJob : public RecordJob {
public:
  SessionsJob(Napi::Env env, PathHandle handle, PathHandle instance, std::shared_ptr<Reserve> reserve,
              const Napi::Object &known)
      : RecordJob(env, std::move(handle), std::move(reserve), known), instance_(std::move(instance)),
        args_(known.Get("args").ToBoolean()) {}

protected:
  int Write() override {
    const corral_record common = known_.Get();
    const corral_path instance = instance_.Get(), sessions = handle_.Get();
    CORRAL_OWNED_FD directory = corral_open_path(&instance, CORRAL_OPEN_DIRECTORY);
    char v1_path[PATH_MAX];
    CORRAL_OWNED_FD memory =
        directory < 0 ? -1 : corral_memory_v1_path(directory, instance_.Path().c_str(), v1_path);
    return corral_record_write_all(&lines_, &sessions, &common, args_, memory);
  }

private:
  PathHandle instance_;
  bool args_;
};

class NoteJob : public WatcherJob {
public:
  NoteJob(Napi::Env env, PathHandle sessions) : WatcherJob(env), sessions_(std::move(sessions)) {}

  int64_t Step(int64_t) override {
    const corral_path sessions = sessions_.Get();
    corral_record_note(&sessions);
    return kDone;
  }

protected:
  Napi::Value Result(Napi::Env env) override { return env.Undefined(); }

private:
  PathHandle sessions_;
};

} // namespace

std::unique_ptr<WatcherJob> MakeNoteJob(const Napi::CallbackInfo &info, Handles &handles) {
  return std::make_unique<NoteJob>(info.Env(), handles.Find(ToBytes(info[0])));
}

std::unique_ptr<WatcherJob> MakeRecordSessionJob(const Napi::CallbackInfo &info, Handles &handles,
                                                 std::shared_ptr<Reserve> reserve) {
  return std::make_unique<SessionJob>(info.Env(), handles.Find(ToBytes(info[0])), std::move(reserve),
                                      info[1].As<Napi::Object>());
}

std::unique_ptr<WatcherJob> MakeRecordSessionsJob(const Napi::CallbackInfo &info, Handles &handles,
                                                  std::shared_ptr<Reserve> reserve) {
  return std::make_unique<SessionsJob>(info.Env(), handles.Find(ToBytes(info[0])),
                                       handles.Find(ToBytes(info[1])), std::move(reserve),
                                       info[2].As<Napi::Object>());
}
