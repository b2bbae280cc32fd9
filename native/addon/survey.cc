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
#include <utility>

extern "C" {
#include "../core/instance.h"
#include "../core/members.h"
#include "../core/own.h"
#include "../core/tree.h"
}

namespace {

// A directory's name, its own `.`, and the `..` of each below it. File systems that do not count them say 1.
constexpr nlink_t kLinksOfOneBelow = 3;

// What is worth a thread: a session takes the kernel 50 us, a thread as long.
constexpr size_t kSessionsEach = 200;
constexpr size_t kThreads = 4;

bool IsGone(int number) {
  return number == ENOENT || number == ENODEV;
}

struct Names {
  const std::string *begin, *end;
};

class Surveyor {
public:
  explicit Surveyor(const SurveyPlan &plan) : plan_(plan) {
    for (const SurveyPlan::Source &source : plan.sources) {
      tops_.push_back(source.top.empty() ? -1 : open(source.top.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
      fields_ += source.files.size();
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

  // Those of these names, in the directory that all are in.
  int Families(int top, Names names) {
    int answer = 0;
    for (const std::string *name = names.begin; name != names.end && answer == 0; name++)
      answer = Family(top, *name);
    return answer;
  }

  const std::string &Rows() const { return rows_; }
  const std::string &Path() const { return path_; }

private:
  struct Row {
    std::string path, fields;
  };

  int Family(int top, const std::string &name) {
    path_ = '/' + name;
    CORRAL_OWNED_FD family = corral_open_below(top, name.c_str(), CORRAL_OPEN_DIRECTORY);
    if (family < 0)
      return IsGone(errno) ? 0 : -errno;
    struct stat status;
    std::string row = Head(0, name);
    if (Leaf(family, row) && fstat(family, &status) == 0 && status.st_nlink == kLinksOfOneBelow) {
      rows_ += row;
      return 0;
    }
    return All(family);
  }

  // A family and those below it. Rows wait until one with a leaf is found below them.
  int All(int family) {
    const corral_path path = {family, ".", family, ""};
    const size_t above = path_.size();
    std::vector<Row> waiting, found;
    corral_tree tree = corral_tree_none();
    int step = corral_tree_begin(&tree, &path, false);
    tree.skips = plan_.leaf.c_str();
    for (; step >= 0 && (step = corral_tree_step(&tree)) > CORRAL_TREE_OVER;) {
      if (step == CORRAL_TREE_LEFT) {
        path_.resize(path_.rfind('/'));
        waiting.resize(std::min(waiting.size(), tree.depth + 1));
        continue;
      }
      if (tree.depth > 0)
        (path_ += '/') += corral_tree_name(&tree);
      if (IsTooLong()) {
        tree.passes = true;
        continue;
      }
      waiting.resize(tree.depth);
      waiting.push_back({path_, Head(tree.depth, path_.substr(path_.rfind('/') + 1))});
      if (!Leaf(tree.fd, waiting.back().fields) && tree.depth > 0)
        continue;
      for (Row &row : waiting)
        if (!row.fields.empty())
          found.push_back({row.path, std::exchange(row.fields, "")});
    }
    corral_tree_end(&tree);
    if (step < 0)
      return IsGone(-step) ? 0 : step;
    std::sort(found.begin(), found.end(), ComesBefore);
    for (const Row &row : found)
      rows_ += row.fields;
    path_.resize(above);
    return 0;
  }

  bool IsTooLong() const {
    return plan_.directory.Path().size() + path_.size() + 1 + plan_.leaf.size() >= PATH_MAX;
  }

  // By names: what separates them comes before all that is in them.
  static bool ComesBefore(const Row &a, const Row &b) {
    return std::lexicographical_compare(a.path.begin(), a.path.end(), b.path.begin(), b.path.end(),
                                        [](char left, char right) { return Rank(left) < Rank(right); });
  }
  static int Rank(char letter) { return letter == '/' ? -1 : static_cast<unsigned char>(letter); }

  static std::string Head(size_t depth, const std::string &name) {
    return std::to_string(depth) + '\0' + name + '\0';
  }

  // Appends what is to be told of a family's leaf; false, and empty fields, where there is none.
  bool Leaf(int family, std::string &row) {
    CORRAL_OWNED_FD leaf = corral_open_below(family, plan_.leaf.c_str(), CORRAL_OPEN_DIRECTORY);
    struct stat status;
    if (leaf < 0 || fstat(leaf, &status) < 0) {
      row.append(2 + fields_, '\0');
      return false;
    }
    const double ms = static_cast<double>(status.st_ctim.tv_sec) * 1000;
    Append(row, std::to_string(ms + static_cast<double>(status.st_ctim.tv_nsec) / 1e6));
    Append(row, std::to_string(CountMembers(leaf, status.st_nlink)));
    for (const std::string &label : plan_.labels)
      AppendText(row, fgetxattr(leaf, label.c_str(), buffer_, sizeof buffer_));
    for (size_t i = 0; i < tops_.size(); i++)
      Files(leaf, i, row);
    return true;
  }

  // Most have no cgroup but the one of their processes, which spares the walk.
  size_t CountMembers(int leaf, nlink_t links) {
    corral_members_clear(&members_);
    CORRAL_OWNED_FD inside =
        links == kLinksOfOneBelow ? corral_open_below(leaf, CORRAL_INSIDE, CORRAL_OPEN_DIRECTORY) : -1;
    const corral_path path = {leaf, ".", leaf, ""};
    int answer;
    if (inside >= 0 && corral_is_lowest(inside)) {
      answer = corral_members_append(leaf, &members_);
      answer = answer < 0 ? answer : corral_members_append(inside, &members_);
      corral_members_sort(&members_);
    } else {
      answer = corral_members_read(&path, &members_);
    }
    return answer == 0 ? members_.count : 0;
  }

  void Files(int leaf, size_t source, std::string &row) {
    const SurveyPlan::Source &wanted = plan_.sources[source];
    CORRAL_OWNED_FD v1_leaf = -1;
    if (!wanted.top.empty() && tops_[source] >= 0)
      v1_leaf = openat(tops_[source], (path_.substr(1) + '/' + plan_.leaf).c_str(), O_PATH | O_CLOEXEC);
    const int directory_fd = wanted.top.empty() ? leaf : v1_leaf;
    for (const std::string &name : wanted.files) {
      CORRAL_OWNED_FD file = directory_fd < 0 ? -1 : corral_open_below(directory_fd, name.c_str(), O_RDONLY);
      AppendText(row, file < 0 ? -1 : read(file, buffer_, sizeof buffer_));
    }
  }

  static void Append(std::string &row, const std::string &field) {
    row.append(field.c_str(), field.size() + 1);
  }

  // What is in the buffer, up to its first NUL: a payload can put one into a label.
  void AppendText(std::string &row, ssize_t length) {
    if (length > 0)
      row.append(buffer_, strnlen(buffer_, static_cast<size_t>(length)));
    row += '\0';
  }

  const SurveyPlan &plan_;
  std::string rows_;
  std::vector<int> tops_; // of the sources
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
    share->answer = share->surveyor.Families(share->top, share->names);
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

int ListDirectories(int directory_fd, std::vector<std::string> &names) {
  int fd = corral_open_below(directory_fd, ".", O_RDONLY | O_DIRECTORY);
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

int Survey(const SurveyPlan &plan, std::string &rows, std::string &refused) {
  const corral_path path = plan.directory.Get();
  CORRAL_OWNED_FD top = corral_open_path(&path, CORRAL_OPEN_DIRECTORY);
  refused = plan.directory.Path();
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
