// The directories of this environment that are held open, by their paths: the roots, from which all below is
// reached, and each group from its making to its removal. JavaScript goes on naming them; what a name means
// is decided here (native/core/path.h says why).
#ifndef CORRAL_HANDLES_H
#define CORRAL_HANDLES_H

#include <map>
#include <memory>
#include <mutex>
#include <string>

extern "C" {
#include "../core/path.h"
}

class Handle {
public:
  explicit Handle(int fd) : fd_(fd) {}
  ~Handle();
  Handle(const Handle &) = delete;
  Handle &operator=(const Handle &) = delete;
  int Fd() const { return fd_; }

private:
  int fd_;
};

// A path, and what is held of it: for as long as this lives.
class PathHandle {
public:
  PathHandle(std::string path, std::string root, std::shared_ptr<Handle> base, std::shared_ptr<Handle> own)
      : path_(std::move(path)), root_(std::move(root)), base_(std::move(base)), own_(std::move(own)) {}

  const std::string &Path() const { return path_; }
  // Both point into this.
  corral_base Base() const { return {base_ ? base_->Fd() : -1, root_.c_str()}; }
  corral_path Get() const;
  // As corral_open_path().
  int Open(int flags) const;

private:
  std::string path_, root_;
  std::shared_ptr<Handle> base_, own_;
};

// A root, opened for as long as this lives where it is not held.
class RootHandle {
public:
  explicit RootHandle(PathHandle handle);
  corral_base Base() const;

private:
  PathHandle handle_;
  Handle opened_;
};

// Any thread.
class Handles {
public:
  // Opens the root, or counts one user of it more. 0, or -errno: -EINVAL where it is no cgroup2 directory.
  int HoldRoot(const std::string &path);
  void ReleaseRoot(const std::string &path);
  // Takes the descriptor of a directory over.
  void Keep(const std::string &path, int fd);
  // Lets go of a directory that was removed, and of all below it.
  void Drop(const std::string &path);
  PathHandle Find(const std::string &path);

private:
  struct Root {
    std::shared_ptr<Handle> handle;
    size_t users;
  };
  void DropBelow(const std::string &path);

  std::mutex mutex_;
  std::map<std::string, Root> roots_;
  std::map<std::string, std::shared_ptr<Handle>> groups_;
};

#endif
