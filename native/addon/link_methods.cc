// Lifelines to guards, keepers and reapers, what is sent over them, and admissions.
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "call.h"
#include "jobs.h"

extern "C" {
#include "../core/admission.h"
#include "../core/own.h"
}

namespace {

// Two keys a session has at most, and each at most 4,096 bytes; the parents of parents make it more.
constexpr size_t kTextBytes = 1U << 20;

// [link, the other end, which is the caller's to pass on and close()]
Or<std::vector<int>> OpenLink(Corral &corral) {
  int ends[2];
  if (!corral.links->Open(ends))
    return Refused(errno, "socketpair");
  return std::vector<int>{ends[0], ends[1]};
}

// [link, pid of the reaper, its uid]
Or<std::vector<int>> EnterDoor(Corral &corral, const std::string &name) {
  pid_t pid = 0;
  uid_t uid = 0;
  const int link = corral.links->Enter(name, &pid, &uid);
  return Checked(link, std::vector<int>{link, pid, static_cast<int>(uid)}, "connect", name);
}

// `fd` is a descriptor to go with it, or -1.
Or<Done> Send(int link, uint32_t kind, uint32_t id, int64_t first, int64_t second, int fd) {
  const int64_t values[] = {first, second};
  corral_message message = {};
  static_assert(sizeof values == sizeof message.values);
  message.kind = kind;
  message.id = id;
  std::memcpy(&message.values, values, sizeof values);
  corral_fds fds = {};
  if (fd >= 0)
    fds.fds[fds.count++] = fd;
  return Checked(corral_message_send(link, &message, &fds), Done{}, "sendmsg");
}

// The caller's descriptors of the process's stdio, -1 where there is none.
Or<std::vector<int>> SendPlan(int link, uint32_t id, const std::string &plan) {
  std::vector<int> fds;
  corral_error error = {};
  if (SendSpawn(link, id, plan, fds, error) < 0)
    return error;
  return fds;
}

Or<int> TextFile(const std::string &text) {
  const int file = corral_text_file(text.data(), text.size());
  return Checked(file, file, "memfd_create");
}

// A descriptor to read the text from, once; RLIMIT_FSIZE is none of a pipe.
Or<int> PipeOf(const std::string &text) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
    return Refused(errno, "pipe");
  const int size = static_cast<int>(text.size());
  const bool fits = fcntl(ends[1], F_GETPIPE_SZ) >= size || fcntl(ends[1], F_SETPIPE_SZ, size) >= size;
  const bool whole = fits && write(ends[1], text.data(), text.size()) == size;
  const int refused = whole ? 0 : errno;
  close(ends[1]);
  if (refused)
    close(ends[0]);
  return Checked(-refused, ends[0], "write plan");
}

// Undefined for any other file.
std::optional<std::string> TextOf(int file) {
  std::string text(kTextBytes, '\0');
  const ssize_t length = corral_text_read(file, text.data(), text.size());
  if (length < 0)
    return std::nullopt;
  text.resize(static_cast<size_t>(length));
  return text;
}

Napi::Value OpenAdmission(Corral &corral, const std::string &directory) {
  if (!corral.HasWatcher())
    return corral.env.Undefined();
  int number = -1;
  std::shared_ptr<Admission> admission = corral.admissions->Open(directory, &number);
  if (admission)
    corral.Watch(MakeAdmissionJob(corral.env, std::move(admission)));
  return ToValue(corral.env, Checked(number, number, "listen", directory));
}

// The child is told the text when it asks.
Or<Done> Admit(Corral &corral, int number, int pid, const std::string &text) {
  const std::shared_ptr<Admission> admission = corral.admissions->Get(number);
  if (admission && !admission->Tell(pid, text))
    return Refused(E2BIG, "admit");
  return Done{};
}

// It has ended.
void Forget(Corral &corral, int number, int pid) {
  if (const auto admission = corral.admissions->Get(number))
    admission->Forget(pid);
}

// Waits for the gateway of this pid.
Or<std::string> AskAdmission(const std::string &directory, int pid) {
  std::string text(CORRAL_ADMISSION_BYTES, '\0');
  const int length = corral_admission_ask(directory.c_str(), pid, text.data());
  text.resize(length < 0 ? 0 : static_cast<size_t>(length));
  return Checked(length, text, "ask", directory);
}

} // namespace

const Methods kLinkMethods = {
    {"openLink", Call<OpenLink>},
    {"enterDoor", Call<EnterDoor>},
    {"hangUp", CallOn<&Corral::links, &Links::HangUp>},
    {"dropLink", CallOn<&Corral::links, &Links::Drop>},
    {"send", Call<Send>},
    {"sendSpawn", Call<SendPlan>},
    {"receive", Call<MakeReceiveJob>},
    {"pipeOf", Call<PipeOf>},
    {"textFile", Call<TextFile>},
    {"textOf", Call<TextOf>},
    {"openAdmission", Call<OpenAdmission>},
    {"admit", Call<Admit>},
    {"forget", Call<Forget>},
    {"closeAdmission", CallOn<&Corral::admissions, &Admissions::Close>},
    {"askAdmission", Call<AskAdmission>},
};
