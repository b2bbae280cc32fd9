// The surface that src/native/addon.ts types and calls. Arguments are checked there, once; here they are only
// copied.
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <string>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <vector>

#include "admission.h"
#include "handles.h"
#include "jobs.h"
#include "link.h"
#include "looker.h"
#include "reserve.h"
#include "results.h"
#include "scribe.h"
#include "spawner.h"
#include "survey.h"
#include "survey_worker.h"
#include "text.h"

extern "C" {
#include "../core/admission.h"
#include "../core/build.h"
#include "../core/descendants.h"
#include "../core/features.h"
#include "../core/instance.h"
#include "../core/lock.h"
#include "../core/mark.h"
#include "../core/members.h"
#include "../core/memory.h"
#include "../core/memory_v1.h"
#include "../core/own.h"
#include "../core/own_proc.h"
#include "../core/path.h"
#include "../core/pidfd.h"
#include "../core/tree.h"
}

namespace {

// One for each JavaScript environment (the main thread, and each worker that loads the addon).
class Corral : public Napi::Addon<Corral> {
public:
  Corral(Napi::Env env, Napi::Object exports)
      : bridge_(new Bridge(env)), spawner_(*bridge_), scribe_(*bridge_), looker_(new Looker(reserve_)),
        walker_(new Watcher(*bridge_, "corral-walker", *looker_)),
        watcher_(new Watcher(*bridge_, "corral-watcher", *looker_, walker_.get())) {
    DefineAddon(exports, {
                             InstanceMethod("build", &Corral::Build),
                             InstanceMethod("features", &Corral::Features),
                             InstanceMethod("ownsProc", &Corral::OwnsProc),
                             InstanceMethod("spawn", &Corral::Spawn),
                             InstanceMethod("cancelSpawn", &Corral::CancelSpawn),
                             InstanceMethod("endGroup", &Corral::EndGroup),
                             InstanceMethod("recordSession", &Corral::RecordSession),
                             InstanceMethod("noteMembers", &Corral::NoteMembers),
                             InstanceMethod("recordSessions", &Corral::RecordSessions),
                             InstanceMethod("appendToLedger", &Corral::AppendToLedger),
                             InstanceMethod("canMark", &Corral::CanMark),
                             InstanceMethod("useLoginMarks", &Corral::UseLoginMarks),
                             InstanceMethod("readLoginMarks", &Corral::ReadLoginMarks),
                             InstanceMethod("leaveLoginMarks", &Corral::LeaveLoginMarks),
                             InstanceMethod("passes", &Corral::Passes),
                             InstanceMethod("announceEnd", &Corral::Announce),
                             InstanceMethod("removeTree", &Corral::RemoveTree),
                             InstanceMethod("members", &Corral::Members),
                             InstanceMethod("holdRoot", &Corral::HoldRoot),
                             InstanceMethod("releaseRoot", &Corral::ReleaseRoot),
                             InstanceMethod("heldFd", &Corral::HeldFd),
                             InstanceMethod("isGone", &Corral::IsGone),
                             InstanceMethod("exists", &Corral::Exists),
                             InstanceMethod("idOf", &Corral::IdOf),
                             InstanceMethod("textOf", &Corral::TextOf),
                             InstanceMethod("writeText", &Corral::WriteText),
                             InstanceMethod("makeDirectory", &Corral::MakeDirectory),
                             InstanceMethod("removeEmpty", &Corral::RemoveEmpty),
                             InstanceMethod("directories", &Corral::Directories),
                             InstanceMethod("survey", &Corral::Survey),
                             InstanceMethod("first", &Corral::First),
                             InstanceMethod("memoryUsed", &Corral::MemoryUsed),
                             InstanceMethod("pressure", &Corral::Pressure),
                             InstanceMethod("outOfMemory", &Corral::OutOfMemory),
                             InstanceMethod("openLink", &Corral::OpenLink),
                             InstanceMethod("enterDoor", &Corral::EnterDoor),
                             InstanceMethod("textFile", &Corral::TextFile),
                             InstanceMethod("hangUp", &Corral::HangUp),
                             InstanceMethod("dropLink", &Corral::DropLink),
                             InstanceMethod("send", &Corral::Send),
                             InstanceMethod("sendSpawn", &Corral::SendPlan),
                             InstanceMethod("receive", &Corral::Receive),
                             InstanceMethod("openAdmission", &Corral::OpenAdmission),
                             InstanceMethod("admit", &Corral::Admit),
                             InstanceMethod("forget", &Corral::Forget),
                             InstanceMethod("closeAdmission", &Corral::CloseAdmission),
                             InstanceMethod("askAdmission", &Corral::AskAdmission),
                             InstanceMethod("waitForExit", &Corral::WaitForExit),
                             InstanceMethod("memoryBelow", &Corral::MemoryBelow),
                             InstanceMethod("descendants", &Corral::Descendants),
                             InstanceMethod("findLost", &Corral::FindLost),
                             InstanceMethod("endMarked", &Corral::EndMarked),
                             InstanceMethod("usageBelow", &Corral::UsageBelow),
                             InstanceMethod("readText", &Corral::ReadText),
                             InstanceMethod("reap", &Corral::Reap),
                             InstanceMethod("makeInstance", &Corral::MakeInstance),
                             InstanceMethod("removeInstancesDirectory", &Corral::RemoveInstancesDirectory),
                             InstanceMethod("instances", &Corral::Instances),
                             InstanceMethod("lock", &Corral::Lock),
                             InstanceMethod("claim", &Corral::Claim),
                             InstanceMethod("close", &Corral::Close),
                             InstanceMethod("openProcess", &Corral::OpenProcess),
                             InstanceMethod("signal", &Corral::Signal),
                             InstanceMethod("setLabel", &Corral::SetLabel),
                             InstanceMethod("v1Path", &Corral::V1Path),
                             InstanceMethod("getLabel", &Corral::GetLabel),
                             InstanceMethod("execute", &Corral::Execute),
                             InstanceMethod("ref", &Corral::Ref),
                             InstanceMethod("unref", &Corral::Unref),
                         });
    napi_add_env_cleanup_hook(env, &Corral::AtEnd, this);
  }

private:
  // Two keys a session has at most, and each at most 4,096 bytes; the parents of parents make it more.
  static constexpr size_t kTextBytes = 1U << 20;

  // Before anything of the environment is torn down: no thread may finish a job into it any more.
  static void AtEnd(void *self) {
    Corral *corral = static_cast<Corral *>(self);
    corral->looker_->Stop();
    corral->watcher_->Stop();
    corral->walker_->Stop();
    corral->links_.CloseAll();
    corral->admissions_.CloseAll();
    corral->spawner_.Stop();
    corral->scribe_.Stop();
    corral->bridge_->Close();
  }

  Napi::Value Fail(Napi::Env env, int number, const char *operation, const std::string &path) {
    corral_error error;
    corral_fail(&error, number, operation, path.c_str());
    ToError(env, error).ThrowAsJavaScriptException();
    return env.Undefined();
  }

  // False with a pending exception: the watcher cannot be had.
  bool HasWatcher(Napi::Env env) {
    if (watcher_->Start()) {
      reserve_->Fill();
      return true;
    }
    Fail(env, errno, "start watcher", "");
    return false;
  }

  Napi::Value Spawn(const Napi::CallbackInfo &info) {
    if (!HasWatcher(info.Env()))
      return info.Env().Undefined();
    if (!spawner_.Start())
      return Fail(info.Env(), errno, "start spawner", "");
    auto answer = std::make_unique<SpawnAnswer>(info.Env());
    Napi::Object start = Napi::Object::New(info.Env());
    start.Set("started", answer->Promise());
    start.Set("exited", answer->Exited());
    bridge_->Hold();
    auto job = std::make_unique<SpawnJob>(std::move(answer), ToBytes(info[0]), watcher_, handles_);
    start.Set("id", Napi::Number::New(info.Env(), spawner_.Add(std::move(job))));
    return start;
  }

  // (id, errno, abandon)
  Napi::Value CancelSpawn(const Napi::CallbackInfo &info) {
    spawner_.Cancel(info[0].As<Napi::Number>().Uint32Value(), info[1].As<Napi::Number>().Int32Value(),
                    info[2].ToBoolean());
    return info.Env().Undefined();
  }

  Napi::Value Watch(Napi::Env env, std::unique_ptr<WatcherJob> job) {
    return AddTo(watcher_, env, std::move(job));
  }

  // What looks at all that there is, and so may take its time.
  Napi::Value Walk(Napi::Env env, std::unique_ptr<WatcherJob> job) {
    return AddTo(walker_, env, std::move(job));
  }

  Napi::Value AddTo(const std::shared_ptr<Watcher> &thread, Napi::Env env, std::unique_ptr<WatcherJob> job) {
    if (!job || !HasWatcher(env))
      return env.Undefined();
    Napi::Value promise = job->Promise();
    if (job->HoldsLoop())
      bridge_->Hold();
    thread->Add(std::move(job));
    return promise;
  }

  Napi::Value EndGroup(const Napi::CallbackInfo &info) {
    return Watch(info.Env(), MakeEndJob(info, handles_, reserve_, looker_));
  }

  // (group or "", what is known of the session) -> promise of the line of a ledger
  Napi::Value RecordSession(const Napi::CallbackInfo &info) {
    return Walk(info.Env(), MakeRecordSessionJob(info, *handles_, reserve_));
  }

  // (directory of sessions, that of their instance, what is known of all) -> promise of the lines of all
  Napi::Value RecordSessions(const Napi::CallbackInfo &info) {
    return Walk(info.Env(), MakeRecordSessionsJob(info, *handles_, reserve_));
  }

  // (directory of sessions) -> promise that is settled once their members are noted
  Napi::Value NoteMembers(const Napi::CallbackInfo &info) {
    return Walk(info.Env(), MakeNoteJob(info, *handles_));
  }

  // (path, lines) -> promise that is settled once they are written, or refused
  Napi::Value AppendToLedger(const Napi::CallbackInfo &info) {
    return scribe_.Append(info.Env(), ToBytes(info[0]), ToBytes(info[1]));
  }

  // (1 or -1): one ending more, or fewer, that will want a pass
  Napi::Value Announce(const Napi::CallbackInfo &info) {
    looker_->Expect(info[0].As<Napi::Number>().Int32Value());
    return info.Env().Undefined();
  }

  // () -> whether what is started in a cgroup can bear its mark
  Napi::Value CanMark(const Napi::CallbackInfo &info) {
    return Napi::Boolean::New(info.Env(), corral_can_mark());
  }

  // () -> 0 where sessions can bear marks as login uids, which are read from now on; else an errno
  Napi::Value UseLoginMarks(const Napi::CallbackInfo &info) {
    const int refused = corral_can_login_mark();
    if (refused == 0)
      corral_read_login_marks();
    return Napi::Number::New(info.Env(), -refused);
  }

  // () -> undefined. From now on they are read, up to as many calls of leaveLoginMarks()
  Napi::Value ReadLoginMarks(const Napi::CallbackInfo &info) {
    corral_read_login_marks();
    return info.Env().Undefined();
  }

  Napi::Value LeaveLoginMarks(const Napi::CallbackInfo &info) {
    corral_leave_login_marks();
    return info.Env().Undefined();
  }

  // () -> how many passes over all processes endings have made
  Napi::Value Passes(const Napi::CallbackInfo &info) {
    return Napi::Number::New(info.Env(), static_cast<double>(looker_->Passes()));
  }

  // (path) -> promise of whether the directory is gone with all below it, by rmdir alone
  Napi::Value RemoveTree(const Napi::CallbackInfo &info) {
    return Walk(info.Env(), MakeRemoveJob(info, *handles_, reserve_));
  }

  // (group) -> promise of a pidfd of who comes into it first
  Napi::Value First(const Napi::CallbackInfo &info) {
    return Watch(info.Env(), MakeFirstJob(info, *handles_));
  }

  // (group, enough) -> promise of the bytes of memory that its processes use
  Napi::Value MemoryUsed(const Napi::CallbackInfo &info) {
    return Walk(info.Env(), MakeMemoryJob(info, *handles_));
  }

  // (group, file, trigger) -> promise of whether the group was under that pressure before its end
  Napi::Value Pressure(const Napi::CallbackInfo &info) {
    return Watch(info.Env(), MakePressureJob(info, *handles_));
  }

  // (v1 memory group) -> promise of whether the kernel killed in it before its end
  Napi::Value OutOfMemory(const Napi::CallbackInfo &info) {
    return Watch(info.Env(), MakeOutOfMemoryJob(info));
  }

  // (pidfd, within ms or undefined) -> promise of whether the process has ended within that time
  Napi::Value WaitForExit(const Napi::CallbackInfo &info) { return Watch(info.Env(), MakeEndedJob(info)); }

  // () -> [link, the other end, which is the caller's to pass on and close()]
  Napi::Value OpenLink(const Napi::CallbackInfo &info) {
    int ends[2];
    if (!links_.Open(ends))
      return Fail(info.Env(), errno, "socketpair", "");
    return ToNumbers(info.Env(), ends, 2);
  }

  // (name) -> [link, pid of the reaper]
  Napi::Value EnterDoor(const Napi::CallbackInfo &info) {
    std::string name = ToBytes(info[0]);
    pid_t pid = 0;
    uid_t uid = 0;
    int link = links_.Enter(name, &pid, &uid);
    if (link < 0)
      return Fail(info.Env(), -link, "connect", name.c_str());
    const int all[] = {link, pid, static_cast<int>(uid)};
    return ToNumbers(info.Env(), all, 3);
  }

  // (descriptor) -> its text where it is a file that textFile() made, undefined for any other
  Napi::Value TextOf(const Napi::CallbackInfo &info) {
    std::string text(kTextBytes, '\0');
    ssize_t length = corral_text_read(info[0].As<Napi::Number>().Int32Value(), text.data(), text.size());
    if (length < 0)
      return info.Env().Undefined();
    return ToText(info.Env(), text.data(), static_cast<size_t>(length));
  }

  // (pidfd): reaps the process, where it is a child of ours that has ended
  Napi::Value Reap(const Napi::CallbackInfo &info) {
    corral_exit ended;
    (void)corral_pidfd_wait(info[0].As<Napi::Number>().Int32Value(), false, &ended);
    return info.Env().Undefined();
  }

  // (text) -> a descriptor
  Napi::Value TextFile(const Napi::CallbackInfo &info) {
    std::string text = ToBytes(info[0]);
    int file = corral_text_file(text.data(), text.size());
    return file < 0 ? Fail(info.Env(), -file, "memfd_create", "") : Napi::Number::New(info.Env(), file);
  }

  // (link): ends it; receive() then tells of the end
  Napi::Value HangUp(const Napi::CallbackInfo &info) {
    links_.HangUp(info[0].As<Napi::Number>().Int32Value());
    return info.Env().Undefined();
  }

  // (link): closes it, once receive() has told of its end
  Napi::Value DropLink(const Napi::CallbackInfo &info) {
    links_.Drop(info[0].As<Napi::Number>().Int32Value());
    return info.Env().Undefined();
  }

  // (link, kind, id, its two values, descriptor or -1)
  Napi::Value Send(const Napi::CallbackInfo &info) {
    corral_message message = {};
    message.kind = info[1].As<Napi::Number>().Uint32Value();
    message.id = info[2].As<Napi::Number>().Uint32Value();
    int64_t values[2];
    static_assert(sizeof values == sizeof message.values);
    values[0] = info[3].As<Napi::Number>().Int64Value();
    values[1] = info[4].As<Napi::Number>().Int64Value();
    std::memcpy(&message.values, values, sizeof values);
    corral_fds fds = {};
    int fd = info[5].As<Napi::Number>().Int32Value();
    if (fd >= 0)
      fds.fds[fds.count++] = fd;
    int answer = corral_message_send(info[0].As<Napi::Number>().Int32Value(), &message, &fds);
    return answer < 0 ? Fail(info.Env(), -answer, "sendmsg", "") : info.Env().Undefined();
  }

  // (link, id, plan) -> the caller's descriptors of the process's stdio, -1 where there is none
  Napi::Value SendPlan(const Napi::CallbackInfo &info) {
    std::vector<int> fds;
    corral_error error = {};
    int answer = SendSpawn(info[0].As<Napi::Number>().Int32Value(), info[1].As<Napi::Number>().Uint32Value(),
                           ToBytes(info[2]), fds, error);
    if (answer < 0) {
      ToError(info.Env(), error).ThrowAsJavaScriptException();
      return info.Env().Undefined();
    }
    return ToNumbers(info.Env(), fds.data(), fds.size());
  }

  // (link) -> promise of the next message, or of undefined at its end
  Napi::Value Receive(const Napi::CallbackInfo &info) { return Watch(info.Env(), MakeReceiveJob(info)); }

  // (directory) -> admission
  Napi::Value OpenAdmission(const Napi::CallbackInfo &info) {
    std::string directory = ToBytes(info[0]);
    if (!HasWatcher(info.Env()))
      return info.Env().Undefined();
    int number = -1;
    std::shared_ptr<Admission> admission = admissions_.Open(directory, &number);
    if (!admission)
      return Fail(info.Env(), -number, "listen", directory);
    Watch(info.Env(), MakeAdmissionJob(info.Env(), std::move(admission)));
    return Napi::Number::New(info.Env(), number);
  }

  // (admission, pid of a child, text): the child is told when it asks
  Napi::Value Admit(const Napi::CallbackInfo &info) {
    std::shared_ptr<Admission> admission = admissions_.Get(info[0].As<Napi::Number>().Int32Value());
    if (admission && !admission->Tell(info[1].As<Napi::Number>().Int32Value(), ToBytes(info[2])))
      return Fail(info.Env(), E2BIG, "admit", "");
    return info.Env().Undefined();
  }

  // (admission, pid): it has ended
  Napi::Value Forget(const Napi::CallbackInfo &info) {
    if (auto admission = admissions_.Get(info[0].As<Napi::Number>().Int32Value()))
      admission->Forget(info[1].As<Napi::Number>().Int32Value());
    return info.Env().Undefined();
  }

  Napi::Value CloseAdmission(const Napi::CallbackInfo &info) {
    admissions_.Close(info[0].As<Napi::Number>().Int32Value());
    return info.Env().Undefined();
  }

  // (directory, pid of the gateway) -> text; waits for it
  Napi::Value AskAdmission(const Napi::CallbackInfo &info) {
    std::string directory = ToBytes(info[0]);
    std::string text(CORRAL_ADMISSION_BYTES, '\0');
    int length =
        corral_admission_ask(directory.c_str(), info[1].As<Napi::Number>().Int32Value(), text.data());
    if (length < 0)
      return Fail(info.Env(), -length, "ask", directory);
    return ToText(info.Env(), text.data(), static_cast<size_t>(length));
  }

  // (pid, enough) -> promise of the bytes of memory that its descendants use
  Napi::Value MemoryBelow(const Napi::CallbackInfo &info) {
    return Walk(info.Env(), MakeMemoryBelowJob(info));
  }

  // () -> promise of [{ mark, reaper, processes }] of sessions without cgroups whose reapers are gone
  Napi::Value FindLost(const Napi::CallbackInfo &info) { return Walk(info.Env(), MakeLostJob(info)); }

  // (mark, killMs) -> promise of { empty, killed, names, left }
  Napi::Value EndMarked(const Napi::CallbackInfo &info) { return Watch(info.Env(), MakeEndMarkedJob(info)); }

  // () -> { version, kind, compiler, libc, cpu, napi } of this build
  Napi::Value Build(const Napi::CallbackInfo &info) {
    Napi::Object build = Napi::Object::New(info.Env());
    build.Set("version", CORRAL_VERSION);
    build.Set("kind", CORRAL_BUILD);
    build.Set("compiler", CORRAL_COMPILER);
    build.Set("libc", CORRAL_BUILT_FOR);
    build.Set("cpu", CORRAL_CPU);
    build.Set("napi", NAPI_VERSION);
    return build;
  }

  // () -> whether the pids in /proc are those of this pid namespace
  Napi::Value OwnsProc(const Napi::CallbackInfo &info) {
    return Napi::Boolean::New(info.Env(), corral_proc_is_own());
  }

  // () -> { cloneIntoCgroup, clonesDied, pidfd, children } of this kernel
  Napi::Value Features(const Napi::CallbackInfo &info) {
    corral_features seen = corral_features_seen();
    Napi::Object features = Napi::Object::New(info.Env());
    features.Set("cloneIntoCgroup", seen.clone_into_cgroup);
    features.Set("clonesDied", seen.clones_died);
    features.Set("pidfd", seen.pidfd);
    features.Set("children", seen.children);
    return features;
  }

  // (pid) -> pids of its living descendants
  Napi::Value Descendants(const Napi::CallbackInfo &info) {
    corral_members members = {};
    int answer = corral_descendants_of(info[0].As<Napi::Number>().Int32Value(), &members);
    Napi::Array pids = ToNumbers(info.Env(), members.pids, members.count);
    corral_members_free(&members);
    return answer < 0 ? Fail(info.Env(), -answer, "list processes", "/proc") : pids;
  }

  // (pid) -> { pids, memoryBytes, cpuUserMs, cpuSystemMs } of its living descendants; CPU time also of all
  // that it has reaped
  Napi::Value UsageBelow(const Napi::CallbackInfo &info) {
    pid_t pid = info[0].As<Napi::Number>().Int32Value();
    corral_members members = {};
    corral_process process = {};
    int answer = corral_descendants_of(pid, &members);
    int64_t user = 0, system = 0;
    if (corral_process_read(pid, &process))
      user = process.reaped_cpu_user_ms, system = process.reaped_cpu_system_ms;
    for (size_t i = 0; i < members.count; i++) {
      if (!corral_process_read(members.pids[i], &process))
        continue;
      user += process.cpu_user_ms + process.reaped_cpu_user_ms;
      system += process.cpu_system_ms + process.reaped_cpu_system_ms;
    }
    Napi::Object usage = Napi::Object::New(info.Env());
    usage.Set("pids", Napi::Number::New(info.Env(), static_cast<double>(members.count)));
    usage.Set("memoryBytes", Napi::Number::New(info.Env(), static_cast<double>(corral_memory_below(pid, 0))));
    usage.Set("cpuUserMs", Napi::Number::New(info.Env(), static_cast<double>(user)));
    usage.Set("cpuSystemMs", Napi::Number::New(info.Env(), static_cast<double>(system)));
    corral_members_free(&members);
    return answer < 0 ? Fail(info.Env(), -answer, "list processes", "/proc") : usage;
  }

  // (path) -> pids of the group and of all below it; [] when it is gone
  Napi::Value Members(const Napi::CallbackInfo &info) {
    const PathHandle handle = Find(info[0]);
    const corral_path group = handle.Get();
    corral_members members = {};
    const int answer = reserve_->Do([&] { return corral_members_read(&group, &members); });
    Napi::Array pids = ToNumbers(info.Env(), members.pids, members.count);
    corral_members_free(&members);
    if (answer < 0 && answer != -ENOENT)
      return Fail(info.Env(), -answer, "read members", handle.Path());
    return pids;
  }

  // Each a string or, for bytes that are no UTF-8, a Buffer
  static std::vector<std::string> Words(const Napi::Array &array) {
    std::vector<std::string> words;
    for (uint32_t i = 0; i < array.Length(); i++) {
      const Napi::Value word = array.Get(i);
      if (word.IsBuffer()) {
        const auto bytes = word.As<Napi::Buffer<char>>();
        words.emplace_back(bytes.Data(), bytes.Length());
      } else {
        words.push_back(ToBytes(word));
      }
    }
    return words;
  }

  static std::vector<std::string> Strings(const Napi::Array &array) {
    std::vector<std::string> strings;
    for (uint32_t i = 0; i < array.Length(); i++)
      strings.push_back(ToBytes(array.Get(i)));
    return strings;
  }

  // (directory, leaf, labels, [{ top, files }]) -> promise of rows of fields, each ended by a NUL: survey.h
  Napi::Value Survey(const Napi::CallbackInfo &info) {
    SurveyPlan plan = {Find(info[0]), ToBytes(info[1]), Strings(info[2].As<Napi::Array>()), {}};
    Napi::Array sources = info[3].As<Napi::Array>();
    for (uint32_t i = 0; i < sources.Length(); i++) {
      Napi::Object source = sources.Get(i).As<Napi::Object>();
      plan.sources.push_back({ToBytes(source.Get("top")), Strings(source.Get("files").As<Napi::Array>())});
    }
    return StartSurvey(info.Env(), std::move(plan));
  }

  PathHandle Find(const Napi::Value &path) { return handles_->Find(ToBytes(path)); }

  // (root): opens it, that all below is reached from there; once more for each user of it
  Napi::Value HoldRoot(const Napi::CallbackInfo &info) {
    std::string root = ToBytes(info[0]);
    int answer = handles_->HoldRoot(root);
    return answer < 0 ? Fail(info.Env(), -answer, "open root", root) : info.Env().Undefined();
  }

  Napi::Value ReleaseRoot(const Napi::CallbackInfo &info) {
    handles_->ReleaseRoot(ToBytes(info[0]));
    return info.Env().Undefined();
  }

  // (path) -> the descriptor of a root or of a directory that is held, which stays ours; -1
  Napi::Value HeldFd(const Napi::CallbackInfo &info) {
    return Napi::Number::New(info.Env(), Find(info[0]).Get().fd);
  }

  // (path) -> whether the cgroup is no more
  Napi::Value IsGone(const Napi::CallbackInfo &info) {
    const PathHandle handle = Find(info[0]);
    const corral_path group = handle.Get();
    return Napi::Boolean::New(info.Env(), corral_is_gone(&group));
  }

  // (path) -> whether there is such a file or directory
  Napi::Value Exists(const Napi::CallbackInfo &info) {
    const PathHandle handle = Find(info[0]);
    const corral_path path = handle.Get();
    CORRAL_OWNED_FD fd = corral_open_path(&path, O_PATH);
    return Napi::Boolean::New(info.Env(), fd >= 0);
  }

  // (path) -> the cgroup's id, in digits
  Napi::Value IdOf(const Napi::CallbackInfo &info) {
    const PathHandle handle = Find(info[0]);
    const corral_path group = handle.Get();
    CORRAL_OWNED_FD fd = corral_open_path(&group, O_PATH | O_DIRECTORY);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0)
      return Fail(info.Env(), errno, "open cgroup", handle.Path());
    return ToText(info.Env(), std::to_string(status.st_ino));
  }

  // (file) -> its text
  Napi::Value ReadText(const Napi::CallbackInfo &info) {
    const PathHandle handle = Find(info[0]);
    const corral_path file = handle.Get();
    const char *operation = "open";
    std::string text;
    const int answer = reserve_->Do([&] {
      CORRAL_OWNED_FD fd = corral_open_path(&file, O_RDONLY);
      char buffer[4096];
      ssize_t length = -1;
      operation = fd < 0 ? "open" : "read";
      while (fd >= 0 && (length = read(fd, buffer, sizeof buffer)) > 0)
        text.append(buffer, static_cast<size_t>(length));
      return length < 0 ? -errno : 0;
    });
    return answer < 0 ? Fail(info.Env(), -answer, operation, handle.Path()) : ToText(info.Env(), text);
  }

  // (file, text)
  Napi::Value WriteText(const Napi::CallbackInfo &info) {
    const PathHandle handle = Find(info[0]);
    const corral_path file = handle.Get();
    std::string text = ToBytes(info[1]);
    // A file of the kernel's has no length; one that stands for it has
    CORRAL_OWNED_FD fd = corral_open_path(&file, O_WRONLY | O_TRUNC);
    if (fd < 0 || write(fd, text.data(), text.size()) < 0)
      return Fail(info.Env(), errno, fd < 0 ? "open" : "write", handle.Path());
    return info.Env().Undefined();
  }

  // (directory)
  Napi::Value MakeDirectory(const Napi::CallbackInfo &info) {
    const PathHandle handle = Find(info[0]);
    const corral_path directory = handle.Get();
    const char *name;
    CORRAL_OWNED_FD parent = corral_open_parent(&directory, &name);
    if (parent < 0 || mkdirat(parent, name, CORRAL_DIRECTORY_MODE) < 0)
      return Fail(info.Env(), errno, "mkdir", handle.Path());
    return info.Env().Undefined();
  }

  // (directory) -> whether it is gone: false where something is in it
  Napi::Value RemoveEmpty(const Napi::CallbackInfo &info) {
    const PathHandle handle = Find(info[0]);
    const corral_path directory = handle.Get();
    int answer = reserve_->Do([&] { return corral_remove_top(&directory); });
    if (answer == -ENOENT || answer == -ENODEV)
      answer = 0;
    if (answer < 0 && answer != -EBUSY)
      return Fail(info.Env(), -answer, "rmdir", handle.Path());
    if (answer == 0)
      handles_->Drop(handle.Path());
    return Napi::Boolean::New(info.Env(), answer == 0);
  }

  // (directory) -> the names of those in it; none where it is gone
  Napi::Value Directories(const Napi::CallbackInfo &info) {
    const PathHandle handle = Find(info[0]);
    const corral_path directory = handle.Get();
    CORRAL_OWNED_FD fd = corral_open_path(&directory, CORRAL_OPEN_DIRECTORY);
    std::vector<std::string> names;
    int answer = fd < 0 ? -errno : ListDirectories(fd, names);
    if (answer < 0 && answer != -ENOENT && answer != -ENODEV)
      return Fail(info.Env(), -answer, "read directory", handle.Path());
    return ToTexts(info.Env(), names.data(), names.size());
  }

  // (root, name, command) -> descriptor that holds the lock of the new instance, or undefined when it is
  // somebody else's
  Napi::Value MakeInstance(const Napi::CallbackInfo &info) {
    std::string root = ToBytes(info[0]), name = ToBytes(info[1]), command = ToBytes(info[2]);
    corral_error error = {};
    const RootHandle held(handles_->Find(root));
    const corral_base base = held.Base();
    int lock = corral_instance_make(&base, name.c_str(), command.c_str(), &error);
    if (lock < 0 && corral_instance_must_wait(&error))
      return info.Env().Undefined();
    if (lock < 0) {
      ToError(info.Env(), error).ThrowAsJavaScriptException();
      return info.Env().Undefined();
    }
    // Without the lock: to be handed to guards
    int directory = corral_open_below(lock, ".", CORRAL_OPEN_DIRECTORY);
    if (directory >= 0)
      handles_->Keep(root + "/" CORRAL_DIRECTORY "/" + name, directory);
    return Napi::Number::New(info.Env(), lock);
  }

  // (directory) -> its descriptor where its owner is dead, which holds the lock unless a stranger does;
  // undefined where the owner lives
  Napi::Value Lock(const Napi::CallbackInfo &info) {
    const PathHandle handle = Find(info[0]);
    const std::string &path = handle.Path();
    const corral_path directory = handle.Get();
    const char *name;
    CORRAL_OWNED_FD above = corral_open_parent(&directory, &name);
    bool taken = false;
    int fd = above < 0 ? -errno : corral_lock_dead(above, name, &taken);
    if (fd == -EWOULDBLOCK || fd == -EINPROGRESS)
      return info.Env().Undefined();
    if (fd < 0)
      return Fail(info.Env(), -fd, "flock", path);
    return Napi::Number::New(info.Env(), fd);
  }

  // (root): removes <root>/corral where nothing is left in it
  Napi::Value RemoveInstancesDirectory(const Napi::CallbackInfo &info) {
    const Reserve::Loan loan(*reserve_);
    const RootHandle root(Find(info[0]));
    const corral_base base = root.Base();
    corral_instances_remove_directory(&base);
    return info.Env().Undefined();
  }

  // (root) -> [{ name, state, lock, why }] of all directories of <root>/corral
  Napi::Value Instances(const Napi::CallbackInfo &info) {
    struct Listing {
      Napi::Env env;
      Napi::Array found;
    };
    Listing listing = {info.Env(), Napi::Array::New(info.Env())};
    auto see = [](void *context, const corral_instance *instance) {
      auto *all = static_cast<Listing *>(context);
      static constexpr const char *kStates[] = {"live", "ending", "dead", "foreign", "gone"};
      Napi::Object one = Napi::Object::New(all->env);
      one.Set("name", ToText(all->env, instance->name));
      one.Set("state", kStates[instance->state]);
      one.Set("lock", Napi::Number::New(all->env, instance->lock));
      one.Set("why", ToText(all->env, instance->why));
      all->found.Set(all->found.Length(), one);
    };
    std::string root = ToBytes(info[0]);
    const RootHandle held(handles_->Find(root));
    const corral_base base = held.Base();
    int answer = corral_instances_visit(&base, see, &listing);
    return answer < 0 ? Fail(info.Env(), -answer, "list instances", root) : listing.found;
  }

  // (file) -> descriptor that holds a record lock on it
  Napi::Value Claim(const Napi::CallbackInfo &info) {
    std::string path = ToBytes(info[0]);
    int fd = corral_claim(path.c_str());
    if (fd < 0)
      return Fail(info.Env(), -fd, "fcntl", path);
    return Napi::Number::New(info.Env(), fd);
  }

  // (descriptor): closes what lock() or spawn() gave
  Napi::Value Close(const Napi::CallbackInfo &info) {
    close(info[0].As<Napi::Number>().Int32Value());
    return info.Env().Undefined();
  }

  // (pid) -> pidfd, or undefined when there is no such process
  Napi::Value OpenProcess(const Napi::CallbackInfo &info) {
    int pidfd = corral_pidfd_open(info[0].As<Napi::Number>().Int32Value());
    if (pidfd == -ESRCH)
      return info.Env().Undefined();
    if (pidfd < 0)
      return Fail(info.Env(), -pidfd, "pidfd_open", "");
    return Napi::Number::New(info.Env(), pidfd);
  }

  // (pidfd, signal) -> true, or false when the process has ended
  Napi::Value Signal(const Napi::CallbackInfo &info) {
    int answer =
        corral_pidfd_signal(info[0].As<Napi::Number>().Int32Value(), info[1].As<Napi::Number>().Int32Value());
    if (answer < 0 && answer != -ESRCH)
      return Fail(info.Env(), -answer, "pidfd_send_signal", "");
    return Napi::Boolean::New(info.Env(), answer == 0);
  }

  // (directory, name, value)
  Napi::Value SetLabel(const Napi::CallbackInfo &info) {
    const PathHandle handle = Find(info[0]);
    const corral_path directory = handle.Get();
    std::string name = ToBytes(info[1]), value = ToBytes(info[2]);
    CORRAL_OWNED_FD fd = corral_open_path(&directory, O_RDONLY | O_DIRECTORY);
    if (fd < 0 || fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) < 0)
      return Fail(info.Env(), errno, "setxattr", handle.Path());
    return info.Env().Undefined();
  }

  // (instance) -> the path of its v1 memory cgroup, or undefined where there is none that is believed
  Napi::Value V1Path(const Napi::CallbackInfo &info) {
    const PathHandle handle = Find(info[0]);
    const corral_path directory = handle.Get();
    char v1_path[PATH_MAX];
    CORRAL_OWNED_FD instance = corral_open_path(&directory, O_RDONLY | O_DIRECTORY);
    CORRAL_OWNED_FD fd = instance < 0 ? -1 : corral_memory_v1_path(instance, directory.path, v1_path);
    return fd < 0 ? info.Env().Undefined() : ToText(info.Env(), v1_path);
  }

  // (directory, name) -> value, or undefined when there is none (or no directory, or no xattrs here)
  Napi::Value GetLabel(const Napi::CallbackInfo &info) {
    const PathHandle handle = Find(info[0]);
    const corral_path directory = handle.Get();
    std::string name = ToBytes(info[1]);
    char value[16384];
    CORRAL_OWNED_FD fd = corral_open_path(&directory, O_RDONLY | O_DIRECTORY);
    ssize_t length = fd < 0 ? -1 : fgetxattr(fd, name.c_str(), value, sizeof value);
    if (length < 0)
      return info.Env().Undefined();
    return ToText(info.Env(), value, static_cast<size_t>(length));
  }

  // (program, argv): this process becomes the program, with the same pid, environment and standard
  // descriptors. Comes back only when it was refused.
  Napi::Value Execute(const Napi::CallbackInfo &info) {
    std::string program = ToBytes(info[0]);
    std::vector<std::string> copies = Words(info[1].As<Napi::Array>());
    std::vector<char *> argv;
    argv.reserve(copies.size() + 1);
    for (std::string &copy : copies)
      argv.push_back(copy.data());
    argv.push_back(nullptr);
    for (int fd = 0; fd <= STDERR_FILENO; fd++) // Node marks them close-on-exec
      fcntl(fd, F_SETFD, 0);
    const Napi::Value further = info[2];
    for (uint32_t i = 0; further.IsArray() && i < further.As<Napi::Array>().Length(); i++)
      fcntl(further.As<Napi::Array>().Get(i).As<Napi::Number>().Int32Value(), F_SETFD, 0);
    execv(program.c_str(), argv.data());
    return Fail(info.Env(), errno, "exec", program);
  }

  Napi::Value Ref(const Napi::CallbackInfo &info) {
    bridge_->Hold();
    return info.Env().Undefined();
  }

  Napi::Value Unref(const Napi::CallbackInfo &info) {
    bridge_->Release();
    return info.Env().Undefined();
  }

  Bridge *bridge_; // never destroyed: the channel's last callbacks may come after this object's end
  Spawner spawner_;
  Scribe scribe_;
  std::shared_ptr<Handles> handles_ = std::make_shared<Handles>();
  std::shared_ptr<Reserve> reserve_ = std::make_shared<Reserve>();
  std::shared_ptr<Looker> looker_;
  std::shared_ptr<Watcher> walker_;
  std::shared_ptr<Watcher> watcher_; // also that of a spawn which had to be left behind
  Links links_;
  Admissions admissions_;
};

} // namespace

NODE_API_ADDON(Corral)
