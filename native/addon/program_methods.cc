// What is asked of the addon, the process and the kernel that it runs on.
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include "call.h"

extern "C" {
#include "../core/attributes.h"
#include "../core/build.h"
#include "../core/features.h"
#include "../core/mark.h"
#include "../core/own_proc.h"
}

namespace {

Napi::Value Build(Corral &corral) {
  // The version's bytes are in the file as they are, where a test can put others
  const Napi::String version = Napi::String::New(corral.env, CORRAL_VERSION);
  return ToObject(corral.env, "version", version, "kind", CORRAL_BUILD, "compiler", CORRAL_COMPILER, "libc",
                  CORRAL_BUILT_FOR, "cpu", CORRAL_CPU, "napi", NAPI_VERSION);
}

Napi::Value Features(Corral &corral) {
  const corral_features seen = corral_features_seen();
  return ToObject(corral.env, "cloneIntoCgroup", seen.clone_into_cgroup, "clonesDied", seen.clones_died,
                  "pidfd", seen.pidfd, "children", seen.children);
}

// 0 where sessions can bear marks as login uids, which are read from now on; else an errno.
int UseLoginMarks() {
  const int refused = corral_can_login_mark();
  if (refused == 0)
    corral_read_login_marks();
  return -refused;
}

// As text for the flags of a plan: core/attributes.h. `open_files`: the soft limit, instead of ours.
std::string Attributes(std::optional<double> open_files) {
  corral_attributes attributes = {};
  char text[CORRAL_ATTRIBUTES_TEXT];
  corral_attributes_get(&attributes);
  if (open_files)
    attributes.limits[RLIMIT_NOFILE].soft = static_cast<uint64_t>(*open_files);
  corral_attributes_write(&attributes, text);
  return text;
}

// Comes back only when it was refused.
Or<Done> Execute(const std::string &program, std::vector<std::string> words, std::vector<int> further) {
  std::vector<char *> argv;
  argv.reserve(words.size() + 1);
  for (std::string &word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  further.insert(further.end(), {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO});
  for (const int fd : further) // Node marks them close-on-exec
    fcntl(fd, F_SETFD, 0);
  execv(program.c_str(), argv.data());
  return Refused(errno, "exec", program);
}

} // namespace

const Methods kProgramMethods = {
    {"build", Call<Build>},
    {"features", Call<Features>},
    {"ownsProc", Call<corral_proc_is_own>},
    {"canMark", Call<corral_can_mark>},
    {"useLoginMarks", Call<UseLoginMarks>},
    {"readLoginMarks", Call<corral_read_login_marks>},
    {"leaveLoginMarks", Call<corral_leave_login_marks>},
    {"attributes", Call<Attributes>},
    {"execute", Call<Execute>},
    {"ref", CallOn<&Corral::bridge, &Bridge::Hold>},
    {"unref", CallOn<&Corral::bridge, &Bridge::Release>},
};
