// The jobs that JavaScript can ask for. Each function takes the JavaScript arguments, copies all that it
// needs, and gives the job; a bad argument is a pending JavaScript exception and nullptr.
#ifndef CORRAL_JOBS_H
#define CORRAL_JOBS_H

#include <memory>

#include "spawner.h"
#include "watcher.h"

// ({ group?, command, argv, env?, cwd?, stdio, detached?, uid?, gid?, noClone3? })
//   -> { pid, pidfd, fds: (number | -1)[], createdInPlace }
std::unique_ptr<SpawnerJob> MakeSpawnJob(const Napi::CallbackInfo &info);

// ([kind, path, value, name?][]) -> undefined
std::unique_ptr<SpawnerJob> MakeGroupJob(const Napi::CallbackInfo &info);

// (pidfd) -> { code, signal }; reaps the process. Does not keep the event loop alive.
std::unique_ptr<WatcherJob> MakeExitJob(const Napi::CallbackInfo &info);

// (path, { graceMs, killMs, freeze }) -> { empty, killed, names, rounds, left }
std::unique_ptr<WatcherJob> MakeEndJob(const Napi::CallbackInfo &info);

// (path, boundMs) -> undefined
std::unique_ptr<WatcherJob> MakeRemoveJob(const Napi::CallbackInfo &info);

#endif
