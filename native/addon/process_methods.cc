// Processes: started, signalled, waited for, and what is below them.
#include <cerrno>
#include <unistd.h>

#include "call.h"
#include "jobs.h"

extern "C" {
#include "../core/descendants.h"
#include "../core/members.h"
#include "../core/memory.h"
#include "../core/pidfd.h"
}

namespace {

Napi::Value Spawn(Corral &corral, std::string plan) {
  if (!corral.HasWatcher())
    return corral.env.Undefined();
  if (!corral.spawner->Start())
    return corral.Fail(errno, "start spawner");
  auto answer = std::make_unique<SpawnAnswer>(corral.env);
  const Napi::Value started = answer->Promise(), exited = answer->Exited();
  corral.bridge->Hold();
  const uint32_t id = corral.spawner->Add(
      std::make_unique<SpawnJob>(std::move(answer), std::move(plan), corral.watcher, corral.handles));
  return ToObject(corral.env, "id", id, "started", started, "exited", exited);
}

// A pidfd; undefined when there is no such process.
Or<std::optional<int>> OpenProcess(int pid) {
  const int pidfd = corral_pidfd_open(pid);
  return pidfd == -ESRCH ? std::nullopt : Checked(pidfd, std::optional(pidfd), "pidfd_open");
}

// False when the process has ended.
Or<bool> Signal(int pidfd, int signal) {
  const int answer = corral_pidfd_signal(pidfd, signal);
  return Checked(answer == -ESRCH ? 0 : answer, answer == 0, "pidfd_send_signal");
}

void Reap(int pidfd) {
  corral_exit ended;
  (void)corral_pidfd_wait(pidfd, false, &ended);
}

Or<std::vector<int>> Descendants(int pid) {
  corral_members members = {};
  const int answer = corral_descendants_of(pid, &members);
  std::vector<int> pids(members.pids, members.pids + members.count);
  corral_members_free(&members);
  return Checked(answer, pids, "list processes", "/proc");
}

// Of its living descendants; CPU time also of all that it has reaped.
Or<Napi::Value> UsageBelow(Corral &corral, int pid) {
  corral_members members = {};
  corral_process process = {};
  const int answer = corral_descendants_of(pid, &members);
  int64_t user = 0, system = 0;
  if (corral_process_read(pid, &process))
    user = process.reaped_cpu_user_ms, system = process.reaped_cpu_system_ms;
  for (size_t i = 0; i < members.count; i++) {
    if (!corral_process_read(members.pids[i], &process))
      continue;
    user += process.cpu_user_ms + process.reaped_cpu_user_ms;
    system += process.cpu_system_ms + process.reaped_cpu_system_ms;
  }
  const size_t count = members.count;
  corral_members_free(&members);
  const Napi::Value usage = ToObject(corral.env, "pids", count, "memoryBytes", corral_memory_below(pid, 0),
                                     "cpuUserMs", user, "cpuSystemMs", system);
  return Checked(answer, usage, "list processes", "/proc");
}

} // namespace

const Methods kProcessMethods = {
    {"spawn", Call<Spawn>},
    {"cancelSpawn", CallOn<&Corral::spawner, &Spawner::Cancel>},
    {"openProcess", Call<OpenProcess>},
    {"signal", Call<Signal>},
    {"reap", Call<Reap>},
    {"waitForExit", Call<MakeEndedJob>},
    {"close", Call<close>},
    {"descendants", Call<Descendants>},
    {"usageBelow", Call<UsageBelow>},
    {"memoryBelow", Call<MakeMemoryBelowJob>},
    {"findLost", Call<MakeLostJob>},
    {"endMarked", Call<MakeEndMarkedJob>},
    {"passes", CallOn<&Corral::looker, &Looker::Passes>},
    {"announceEnd", CallOn<&Corral::looker, &Looker::Expect>},
};
