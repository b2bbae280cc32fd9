// Instances, their locks, and their labels.
#include <cerrno>
#include <fcntl.h>
#include <sys/xattr.h>

#include "call.h"

extern "C" {
#include "../core/instance.h"
#include "../core/lock.h"
#include "../core/memory_v1.h"
#include "../core/own.h"
}

namespace {

// A descriptor that holds the lock of the new instance; undefined when it is somebody else's.
Or<std::optional<int>> MakeInstance(Corral &corral, PathHandle root, const std::string &name,
                                    const std::string &command) {
  corral_error error = {};
  const std::string path = root.Path() + "/" CORRAL_DIRECTORY "/" + name;
  const RootHandle held(std::move(root));
  const corral_base base = held.Base();
  const int lock = corral_instance_make(&base, name.c_str(), command.c_str(), &error);
  if (lock < 0 && corral_instance_must_wait(&error))
    return std::nullopt;
  if (lock < 0)
    return error;
  // Without the lock: to be handed to guards
  const int directory = corral_open_below(lock, ".", CORRAL_OPEN_DIRECTORY);
  if (directory >= 0)
    corral.handles->Keep(path, directory);
  return std::optional(lock);
}

void RemoveInstancesDirectory(Corral &corral, PathHandle path) {
  const Reserve::Loan loan(*corral.reserve);
  const RootHandle root(std::move(path));
  const corral_base base = root.Base();
  corral_instances_remove_directory(&base);
}

Or<Napi::Value> Instances(Corral &corral, PathHandle root) {
  Napi::Array found = Napi::Array::New(corral.env);
  auto see = [](void *context, const corral_instance *one) {
    static constexpr const char *kStates[] = {"live", "ending", "dead", "foreign", "gone"};
    auto *all = static_cast<Napi::Array *>(context);
    all->Set(all->Length(), ToObject(all->Env(), "name", one->name, "state", kStates[one->state], "lock",
                                     one->lock, "why", one->why));
  };
  const std::string path = root.Path();
  const RootHandle held(std::move(root));
  const corral_base base = held.Base();
  return Checked(corral_instances_visit(&base, see, &found), Napi::Value(found), "list instances", path);
}

Or<std::optional<int>> Lock(const PathHandle &handle) {
  const corral_path directory = handle.Get();
  const char *name;
  CORRAL_OWNED_FD above = corral_open_parent(&directory, &name);
  bool taken = false;
  const int fd = above < 0 ? -errno : corral_lock_dead(above, name, &taken);
  if (fd == -EWOULDBLOCK || fd == -EINPROGRESS)
    return std::nullopt;
  return Checked(fd, std::optional(fd), "flock", handle.Path());
}

Or<int> Claim(const std::string &path) {
  const int fd = corral_claim(path.c_str());
  return Checked(fd, fd, "fcntl", path);
}

Or<Done> SetLabel(const PathHandle &handle, const std::string &name, const std::string &value) {
  CORRAL_OWNED_FD fd = handle.Open(O_RDONLY | O_DIRECTORY);
  if (fd < 0 || fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) < 0)
    return Refused(errno, "setxattr", handle.Path());
  return Done{};
}

// Undefined when there is none (or no directory, or no xattrs here).
std::optional<std::string> GetLabel(const PathHandle &handle, const std::string &name) {
  char value[16384];
  CORRAL_OWNED_FD fd = handle.Open(O_RDONLY | O_DIRECTORY);
  const ssize_t length = fd < 0 ? -1 : fgetxattr(fd, name.c_str(), value, sizeof value);
  if (length < 0)
    return std::nullopt;
  return std::string(value, static_cast<size_t>(length));
}

std::optional<std::string> V1Path(const PathHandle &handle) {
  char v1_path[PATH_MAX];
  CORRAL_OWNED_FD instance = handle.Open(O_RDONLY | O_DIRECTORY);
  CORRAL_OWNED_FD fd = instance < 0 ? -1 : corral_memory_v1_path(instance, handle.Path().c_str(), v1_path);
  if (fd < 0)
    return std::nullopt;
  return v1_path;
}

} // namespace

const Methods kInstanceMethods = {
    {"makeInstance", Call<MakeInstance>},
    {"removeInstancesDirectory", Call<RemoveInstancesDirectory>},
    {"instances", Call<Instances>},
    {"lock", Call<Lock>},
    {"claim", Call<Claim>},
    {"setLabel", Call<SetLabel>},
    {"getLabel", Call<GetLabel>},
    {"v1Path", Call<V1Path>},
};
