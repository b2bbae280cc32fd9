#include "survey.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <thread>
#include <unistd.h>

extern "C" {
#include "../core/members.h"
#include "../core/own.h"
#include "../core/tree.h"
}

namespace {

constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
// A directory's name, its own `.`, and the `..` of each below it. File systems that do not count them say 1.
constexpr nlink_t kLinksOfLowest = 2, kLinksOfOneBelow = 3;

// What is worth a thread: a session takes the kernel 50 us, a thread as long.
constexpr size_t kSessionsEach = 200;
constexpr size_t kThreads = 4;

bool IsGone(int number) {
  return number == ENOENT || number == ENODEV;
}

int ListDirectories(int directory_fd, std::vector<std::string> &names) {
  int fd = openat(directory_fd, ".", kOpenDirectory);
  DIR *listing = fd < 0 ? nullptr : fdopendir(fd);
  if (!listing) {
    int number = errno;
    corral_close_fd(&fd);
    return IsGone(number) ? 0 : -number;
  }
  while (const dirent *entry = readdir(listing))
    if (entry->d_type == DT_DIR && std::strcmp(entry->d_name, ".") != 0 &&
        std::strcmp(entry->d_name, "..") != 0)
      names.emplace_back(entry->d_name);
  closedir(listing);
  std::sort(names.begin(), names.end());
  return 0;
}

struct Names {
  const std::string *begin, *end;
};

Names All(const std::vector<std::string> &names) {
  return {names.data(), names.data() + names.size()};
}

class Surveyor {
public:
  explicit Surveyor(const SurveyPlan &plan) : plan_(plan) {
    for (const SurveyPlan::Place &place : plan.places) {
      tops_.push_back(place.top.empty() ? -1 : open(place.top.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
      fields_ += place.files.size();
    }
    fields_ += plan.labels.size();
  }

  Surveyor(const Surveyor &) = delete;
  Surveyor &operator=(const Surveyor &) = delete;

  ~Surveyor() {
    corral_members_free(&members_);
    for (int top : tops_)
      corral_close_fd(&top);
  }

  // Those of these names, in the directory at `path_` below the top.
  int Families(int directory_fd, Names names, int depth) {
    int answer = 0;
    for (const std::string *name = names.begin; name != names.end && answer == 0; name++)
      if (depth == 0 || *name != plan_.leaf)
        answer = Below(directory_fd, *name, depth);
    return answer;
  }

  const std::string &Rows() const { return rows_; }
  const std::string &Path() const { return path_; }

private:
  int Below(int directory_fd, const std::string &name, int depth) {
    const size_t above = path_.size();
    path_ += '/' + name;
    if (path_.size() > PATH_MAX) // nothing could be done there by its path
      return -ENAMETOOLONG;
    int answer = Family(directory_fd, name, depth);
    if (answer == 0)
      path_.resize(above);
    return answer;
  }

  int Family(int directory_fd, const std::string &name, int depth) {
    CORRAL_OWNED_FD family = corral_open_forced(directory_fd, name.c_str(), kOpenDirectory);
    if (family < 0)
      return IsGone(errno) ? 0 : -errno;
    Append(std::to_string(depth));
    Append(name);
    const bool has_leaf = Leaf(family);
    struct stat status;
    if (has_leaf && fstat(family, &status) == 0 && status.st_nlink == kLinksOfOneBelow)
      return 0;
    std::vector<std::string> names;
    int answer = ListDirectories(family, names);
    return answer < 0 ? answer : Families(family, All(names), depth + 1);
  }

  // Appends what is to be told of a family's leaf; false, and empty fields, where there is none.
  bool Leaf(int family) {
    CORRAL_OWNED_FD leaf = corral_open_forced(family, plan_.leaf.c_str(), kOpenDirectory);
    struct stat status;
    if (leaf < 0 || fstat(leaf, &status) < 0) {
      rows_.append(2 + fields_, '\0');
      return false;
    }
    const double ms = static_cast<double>(status.st_ctim.tv_sec) * 1000;
    Append(std::to_string(ms + static_cast<double>(status.st_ctim.tv_nsec) / 1e6));
    const bool read = (status.st_nlink == kLinksOfLowest ? corral_members_read_own(leaf, &members_)
                                                         : corral_members_read_at(leaf, ".", &members_)) == 0;
    Append(std::to_string(read ? members_.count : 0));
    for (const std::string &label : plan_.labels)
      Label(leaf, label);
    for (size_t i = 0; i < tops_.size(); i++)
      Files(leaf, i);
    return true;
  }

  void Label(int leaf, const std::string &name) {
    ssize_t length = fgetxattr(leaf, name.c_str(), buffer_, sizeof buffer_);
    AppendText(length);
  }

  void Files(int leaf, size_t place) {
    const SurveyPlan::Place &wanted = plan_.places[place];
    CORRAL_OWNED_FD twin = -1;
    if (!wanted.top.empty() && tops_[place] >= 0)
      twin = openat(tops_[place], (path_.substr(1) + '/' + plan_.leaf).c_str(), O_PATH | O_CLOEXEC);
    const int directory_fd = wanted.top.empty() ? leaf : twin;
    for (const std::string &name : wanted.files) {
      CORRAL_OWNED_FD file = directory_fd < 0 ? -1 : openat(directory_fd, name.c_str(), O_RDONLY | O_CLOEXEC);
      AppendText(file < 0 ? -1 : read(file, buffer_, sizeof buffer_));
    }
  }

  void Append(const std::string &field) { rows_.append(field.c_str(), field.size() + 1); }

  // What is in the buffer, up to its first NUL: a payload can put one into a label.
  void AppendText(ssize_t length) {
    if (length > 0)
      rows_.append(buffer_, strnlen(buffer_, static_cast<size_t>(length)));
    rows_ += '\0';
  }

  const SurveyPlan &plan_;
  std::string rows_;
  std::vector<int> tops_; // of the places
  size_t fields_ = 0;     // labels and files of a row
  std::string path_;      // of the family that is being looked at, from the top on
  corral_members members_ = {};
  char buffer_[16384];
};

// Some of the families at the top, for a thread.
struct Share {
  Share(const SurveyPlan &plan, int top, Names names) : surveyor(plan), top(top), names(names) {}

  static void *Run(void *self) {
    Share *share = static_cast<Share *>(self);
    share->answer = share->surveyor.Families(share->top, share->names, 0);
    return nullptr;
  }

  Surveyor surveyor;
  int top;
  Names names;
  int answer = 0;
};

// Each in a thread of its own but for the first, and for those that there is no thread for.
void RunAll(const std::vector<std::unique_ptr<Share>> &shares) {
  std::vector<pthread_t> threads;
  std::vector<Share *> here = {shares.front().get()};
  // Signals are for the threads of the gateway that want them.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (size_t i = 1; i < shares.size(); i++) {
    pthread_t thread;
    if (pthread_create(&thread, nullptr, Share::Run, shares[i].get()) == 0)
      threads.push_back(thread);
    else
      here.push_back(shares[i].get());
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  for (Share *share : here)
    Share::Run(share);
  for (pthread_t thread : threads)
    pthread_join(thread, nullptr);
}

} // namespace

int Survey(const SurveyPlan &plan, std::string &rows, std::string &refused) {
  CORRAL_OWNED_FD top = corral_open_forced(AT_FDCWD, plan.directory.c_str(), kOpenDirectory);
  refused = plan.directory;
  if (top < 0)
    return IsGone(errno) ? 0 : -errno;
  std::vector<std::string> names;
  int answer = ListDirectories(top, names);
  const size_t processors = std::max(1U, std::thread::hardware_concurrency());
  const size_t count = std::min({processors, kThreads, names.size() / kSessionsEach + 1});
  std::vector<std::unique_ptr<Share>> shares;
  for (size_t i = 0; i < count; i++) {
    const Names part = {names.data() + names.size() * i / count,
                        names.data() + names.size() * (i + 1) / count};
    shares.push_back(std::make_unique<Share>(plan, top, part));
  }
  RunAll(shares);
  for (const std::unique_ptr<Share> &share : shares) {
    rows += share->surveyor.Rows();
    if (answer == 0 && share->answer < 0) {
      answer = share->answer;
      refused += share->surveyor.Path();
    }
  }
  return answer;
}
