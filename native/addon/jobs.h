// The jobs that JavaScript can ask for; where one cannot be, there is a pending exception, and nullptr.
#ifndef CORRAL_JOBS_H
#define CORRAL_JOBS_H

#include <memory>
#include <optional>

#include "addon.h"

// (path, { graceMs, killMs, freeze, remove?, read?: file names, outside?, leader?: pidfd }) ->
// { empty, killed, names, left, counters, moved, unseen }
// With `remove` the directory is gone afterwards, with all below it; `counters` are the texts of the files of
// `read` once it is empty, just before that; "" for a file that is not there.
std::unique_ptr<WatcherJob> MakeEndJob(const Napi::CallbackInfo &info, std::shared_ptr<Handles> handles,
                                       std::shared_ptr<Reserve> reserve, std::shared_ptr<Looker> looker);

// (path) -> whether the directory is gone, with all below it: with rmdir alone, so what lives in there stays.
std::unique_ptr<WatcherJob> MakeRemoveJob(const Napi::CallbackInfo &info, Handles &handles,
                                          std::shared_ptr<Reserve> reserve);

// (group) -> the pidfd of the process that came into it first, which is the caller's; undefined when the
// group is gone, or empty after one that cannot be seen from this pid namespace. Does not keep the event loop
// alive.
std::unique_ptr<WatcherJob> MakeFirstJob(Corral &corral, PathHandle group);

// (group, enough) -> bytes of memory that the group's processes use; rough, and too much, below `enough`.
// Does not keep the event loop alive.
Walking MakeMemoryJob(Corral &corral, PathHandle group, int64_t enough);

// (group, file, trigger) -> true when the trigger was met, once; false when the group is gone, or has no such
// file. Does not keep the event loop alive.
std::unique_ptr<WatcherJob> MakePressureJob(Corral &corral, PathHandle group, std::string file,
                                            std::string trigger);

// (link) -> the next message of the other side (native/core/message.h), or undefined at its end. Does not
// keep the event loop alive.
std::unique_ptr<WatcherJob> MakeReceiveJob(Corral &corral, int link);

// (pid, enough) -> as memoryUsed(), of the descendants of a process. Does not keep the event loop alive.
Walking MakeMemoryBelowJob(Corral &corral, int pid, int64_t enough);

// () -> [{ mark, reaper, processes }] of sessions without cgroups whose reapers are gone: native/core/mark.h
Walking MakeLostJob(Corral &corral);

// (mark, killMs) -> { empty, killed, names, left }, when nobody bears it any more or the time is over.
std::unique_ptr<WatcherJob> MakeEndMarkedJob(Corral &corral, int64_t mark, int64_t kill_ms);

// (v1 memory group) -> true when the kernel has killed in it because memory ran out, once; false when the
// group is gone before. Does not keep the event loop alive.
std::unique_ptr<WatcherJob> MakeOutOfMemoryJob(Corral &corral, std::string group);

// (group or "", what is known of the session) -> the line of a ledger (native/core/record.h); of a group with
// its id and what it has used.
std::unique_ptr<WatcherJob> MakeRecordSessionJob(const Napi::CallbackInfo &info, Handles &handles,
                                                 std::shared_ptr<Reserve> reserve);

// (directory of sessions) -> undefined. Notes in labels who lives in them (native/core/record.h).
std::unique_ptr<WatcherJob> MakeNoteJob(const Napi::CallbackInfo &info, Handles &handles);

// (directory of sessions, that of their instance, what is known of all) -> the lines of all that are below.
std::unique_ptr<WatcherJob> MakeRecordSessionsJob(const Napi::CallbackInfo &info, Handles &handles,
                                                  std::shared_ptr<Reserve> reserve);

// (pidfd, within ms or undefined) -> whether the process, also one that others reap, has ended within that
// time; without one it does not keep the event loop alive.
std::unique_ptr<WatcherJob> MakeEndedJob(Corral &corral, int pidfd, std::optional<int64_t> within_ms);

#endif
