// Roots and groups, their files and directories, and who is in them.
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "call.h"
#include "jobs.h"
#include "survey.h"
#include "survey_worker.h"

extern "C" {
#include "../core/instance.h"
#include "../core/members.h"
#include "../core/own.h"
#include "../core/tree.h"
}

namespace {

Or<Done> HoldRoot(Corral &corral, const std::string &root) {
  return Checked(corral.handles->HoldRoot(root), Done{}, "open root", root);
}

int HeldFd(const PathHandle &handle) {
  return handle.Get().fd;
}

bool IsGone(const PathHandle &handle) {
  const corral_path group = handle.Get();
  return corral_is_gone(&group);
}

bool Exists(const PathHandle &handle) {
  CORRAL_OWNED_FD fd = handle.Open(O_PATH);
  return fd >= 0;
}

Or<std::string> IdOf(const PathHandle &handle) {
  CORRAL_OWNED_FD fd = handle.Open(O_PATH | O_DIRECTORY);
  struct stat status;
  if (fd < 0 || fstat(fd, &status) < 0)
    return Refused(errno, "open cgroup", handle.Path());
  return std::to_string(status.st_ino);
}

Or<std::string> ReadText(Corral &corral, const PathHandle &handle) {
  const char *operation = "open";
  std::string text;
  const int answer = corral.reserve->Do([&] {
    CORRAL_OWNED_FD fd = handle.Open(O_RDONLY);
    char buffer[4096];
    ssize_t length = -1;
    operation = fd < 0 ? "open" : "read";
    while (fd >= 0 && (length = read(fd, buffer, sizeof buffer)) > 0)
      text.append(buffer, static_cast<size_t>(length));
    return length < 0 ? -errno : 0;
  });
  return Checked(answer, text, operation, handle.Path());
}

Or<Done> WriteText(const PathHandle &handle, const std::string &text) {
  // A file of the kernel's has no length; one that stands for it has
  CORRAL_OWNED_FD fd = handle.Open(O_WRONLY | O_TRUNC);
  if (fd < 0 || write(fd, text.data(), text.size()) < 0)
    return Refused(errno, fd < 0 ? "open" : "write", handle.Path());
  return Done{};
}

Or<Done> MakeDirectory(const PathHandle &handle) {
  const corral_path directory = handle.Get();
  const char *name;
  CORRAL_OWNED_FD parent = corral_open_parent(&directory, &name);
  if (parent < 0 || mkdirat(parent, name, CORRAL_DIRECTORY_MODE) < 0)
    return Refused(errno, "mkdir", handle.Path());
  return Done{};
}

Or<bool> RemoveEmpty(Corral &corral, const PathHandle &handle) {
  const corral_path directory = handle.Get();
  int answer = corral.reserve->Do([&] { return corral_remove_top(&directory); });
  if (answer == -ENOENT || answer == -ENODEV)
    answer = 0;
  if (answer == 0)
    corral.handles->Drop(handle.Path());
  return Checked(answer == -EBUSY ? 0 : answer, answer == 0, "rmdir", handle.Path());
}

Or<std::vector<std::string>> Directories(const PathHandle &handle) {
  const corral_path directory = handle.Get();
  CORRAL_OWNED_FD fd = corral_open_path(&directory, CORRAL_OPEN_DIRECTORY);
  std::vector<std::string> names;
  const int answer = fd < 0 ? -errno : ListDirectories(fd, names);
  return Checked(answer == -ENOENT || answer == -ENODEV ? 0 : answer, names, "read directory", handle.Path());
}

Or<std::vector<int>> Members(Corral &corral, const PathHandle &handle) {
  const corral_path group = handle.Get();
  corral_members members = {};
  const int answer = corral.reserve->Do([&] { return corral_members_read(&group, &members); });
  std::vector<int> pids(members.pids, members.pids + members.count);
  corral_members_free(&members);
  return Checked(answer == -ENOENT ? 0 : answer, pids, "read members", handle.Path());
}

// A promise of rows of fields, each ended by a NUL: survey.h.
Napi::Value StartSurveyOf(Corral &corral, PathHandle directory, std::string leaf,
                          std::vector<std::string> labels, const std::vector<Napi::Value> &sources) {
  SurveyPlan plan = {std::move(directory), std::move(leaf), std::move(labels), {}};
  for (const Napi::Value &value : sources) {
    const Napi::Object source = value.As<Napi::Object>();
    plan.sources.push_back(
        {ToBytes(source.Get("top")), Take(Type<std::vector<std::string>>{}, corral, source.Get("files"))});
  }
  return StartSurvey(corral.env, std::move(plan));
}

Napi::Value EndGroup(Corral &corral, const Napi::CallbackInfo &info) {
  return corral.Watch(MakeEndJob(info, corral.handles, corral.reserve, corral.looker));
}

Napi::Value RecordSession(Corral &corral, const Napi::CallbackInfo &info) {
  return corral.Walk(MakeRecordSessionJob(info, *corral.handles, corral.reserve));
}

Napi::Value RecordSessions(Corral &corral, const Napi::CallbackInfo &info) {
  return corral.Walk(MakeRecordSessionsJob(info, *corral.handles, corral.reserve));
}

Napi::Value NoteMembers(Corral &corral, const Napi::CallbackInfo &info) {
  return corral.Walk(MakeNoteJob(info, *corral.handles));
}

// A promise that is settled once the lines are written, or refused.
Napi::Value AppendToLedger(Corral &corral, const std::string &path, const std::string &lines) {
  return corral.scribe->Append(corral.env, path, lines);
}

Napi::Value RemoveTree(Corral &corral, const Napi::CallbackInfo &info) {
  return corral.Walk(MakeRemoveJob(info, *corral.handles, corral.reserve));
}

} // namespace

const Methods kGroupMethods = {
    {"holdRoot", Call<HoldRoot>},
    {"releaseRoot", CallOn<&Corral::handles, &Handles::ReleaseRoot>},
    {"heldFd", Call<HeldFd>},
    {"isGone", Call<IsGone>},
    {"exists", Call<Exists>},
    {"idOf", Call<IdOf>},
    {"readText", Call<ReadText>},
    {"writeText", Call<WriteText>},
    {"makeDirectory", Call<MakeDirectory>},
    {"removeEmpty", Call<RemoveEmpty>},
    {"directories", Call<Directories>},
    {"members", Call<Members>},
    {"survey", Call<StartSurveyOf>},
    {"endGroup", Call<EndGroup>},
    {"recordSession", Call<RecordSession>},
    {"noteMembers", Call<NoteMembers>},
    {"recordSessions", Call<RecordSessions>},
    {"appendToLedger", Call<AppendToLedger>},
    {"removeTree", Call<RemoveTree>},
    {"first", Call<MakeFirstJob>},
    {"memoryUsed", Call<MakeMemoryJob>},
    {"pressure", Call<MakePressureJob>},
    {"outOfMemory", Call<MakeOutOfMemoryJob>},
};
