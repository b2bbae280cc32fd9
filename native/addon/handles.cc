#include "handles.h"

#include <cerrno>
#include <unistd.h>

namespace {

bool IsAtOrBelow(const std::string &path, const std::string &top) {
  return path.compare(0, top.size(), top) == 0 && (path.size() == top.size() || path[top.size()] == '/');
}

} // namespace

Handle::~Handle() {
  if (fd_ >= 0)
    close(fd_);
}

corral_path PathHandle::Get() const {
  const corral_base base = Base();
  corral_path path = corral_path_of(&base, path_.c_str());
  if (own_)
    path.fd = own_->Fd();
  return path;
}

int PathHandle::Open(int flags) const {
  const corral_path path = Get();
  return corral_open_path(&path, flags);
}

RootHandle::RootHandle(PathHandle handle)
    : handle_(std::move(handle)),
      opened_(handle_.Get().fd >= 0 ? -1 : corral_open_root(handle_.Path().c_str())) {}

corral_base RootHandle::Base() const {
  const int held = handle_.Get().fd;
  return {held >= 0 ? held : opened_.Fd(), handle_.Path().c_str()};
}

int Handles::HoldRoot(const std::string &path) {
  std::lock_guard<std::mutex> guard(mutex_);
  Root &root = roots_[path];
  const corral_path held = {-1, "", root.handle ? root.handle->Fd() : -1, path.c_str()};
  if (!root.handle || corral_is_gone(&held)) { // another may have been made in its place
    int fd = corral_open_root(path.c_str());
    const int refused = fd < 0 ? -fd : corral_is_cgroup(fd) ? 0 : EINVAL;
    auto handle = std::make_shared<Handle>(fd);
    if (refused && root.users == 0)
      roots_.erase(path);
    if (refused)
      return -refused;
    root.handle = std::move(handle);
  }
  root.users++;
  return 0;
}

void Handles::ReleaseRoot(const std::string &path) {
  std::lock_guard<std::mutex> guard(mutex_);
  auto root = roots_.find(path);
  if (root == roots_.end() || --root->second.users > 0)
    return;
  roots_.erase(root);
  DropBelow(path);
}

void Handles::Keep(const std::string &path, int fd) {
  auto handle = std::make_shared<Handle>(fd);
  std::lock_guard<std::mutex> guard(mutex_);
  groups_[path] = std::move(handle);
}

void Handles::Drop(const std::string &path) {
  std::lock_guard<std::mutex> guard(mutex_);
  DropBelow(path);
}

void Handles::DropBelow(const std::string &path) {
  auto at = groups_.lower_bound(path);
  while (at != groups_.end() && at->first.compare(0, path.size(), path) == 0)
    at = IsAtOrBelow(at->first, path) ? groups_.erase(at) : std::next(at);
}

PathHandle Handles::Find(const std::string &path) {
  std::lock_guard<std::mutex> guard(mutex_);
  std::string top;
  std::shared_ptr<Handle> base, own;
  for (const auto &[root, held] : roots_)
    if (IsAtOrBelow(path, root) && root.size() >= top.size()) {
      top = root;
      base = held.handle;
    }
  const auto group = groups_.find(path);
  if (group != groups_.end())
    own = group->second;
  return {path, top, base, own};
}
