#include "link.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <unistd.h>

extern "C" {
#include "../core/own.h"
#include "../core/pidfd.h"
#include "../core/plan.h"
extern char **environ;
}

bool Links::Open(int ends[2]) {
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
    return false;
  open_.insert(ends[0]);
  return true;
}

int Links::Enter(const std::string &door, pid_t *pid, uid_t *uid) {
  corral_peer reaper = {};
  reaper.pidfd = -1;
  int link = corral_door_enter(door.c_str(), CORRAL_ANYBODYS, &reaper);
  CORRAL_OWNED_FD pidfd = reaper.pidfd;
  *pid = reaper.pid;
  *uid = reaper.uid;
  if (link < 0)
    return link;
  if (pidfd >= 0)
    (void)corral_pidfd_signal(pidfd, SIGCONT);
  open_.insert(link);
  return link;
}

void Links::HangUp(int link) {
  if (open_.count(link))
    shutdown(link, SHUT_RDWR);
}

void Links::Drop(int link) {
  if (open_.erase(link))
    close(link);
}

void Links::CloseAll() {
  for (int link : open_) {
    shutdown(link, SHUT_RDWR);
    close(link);
  }
  open_.clear();
}

namespace {

// A plan without an environment gets ours: the reaper's is that of the time when it was started.
void AddEnvironment(std::string &plan) {
  if (std::strchr(plan.c_str(), 'e')) // the first field: flags
    return;
  size_t count = 0;
  std::string variables;
  for (char **entry = environ; entry && *entry; entry++, count++)
    variables.append(*entry, std::strlen(*entry) + 1);
  plan.insert(0, "e");
  plan.append(std::to_string(count)).push_back('\0');
  plan.append(variables);
}

// As are the schedule of this thread, and what else a child would have from us. False: no memory.
bool AddInherited(std::string &plan) {
  corral_schedule schedule = {};
  corral_attributes attributes = {};
  char text[CORRAL_SCHEDULE_TEXT + CORRAL_ATTRIBUTES_TEXT];
  corral_schedule_get(&schedule);
  corral_schedule_write(&schedule, text);
  corral_attributes_get(&attributes);
  corral_attributes_write(&attributes, text + std::strlen(text));
  char *credentials = corral_credentials_text();
  const bool known = credentials != nullptr;
  const std::string all = std::string(text) + (known ? credentials : "");
  std::free(credentials);
  plan.insert(plan.find('\0'), all);
  return known;
}

class Sending {
public:
  Sending(const corral_spawn_plan &plan, std::vector<int> &parents) : plan_(plan), parents_(parents) {
    parents_.assign(plan.stdio_count, -1);
  }
  // The child's ends were sent, or not: here they are closed. So are ours where nothing came of it.
  ~Sending() {
    for (int fd : made_)
      close(fd);
    for (int &fd : parents_) {
      if (!sent_ && fd >= 0)
        close(fd);
      if (!sent_)
        fd = -1;
    }
  }

  int Send(int link, uint32_t id, const std::string &text, corral_error &error) {
    int file = corral_memory_file("corral-plan", text.data(), text.size());
    if (file < 0)
      return corral_fail(&error, -file, "write plan", "");
    Add(file, true);
    for (size_t i = 0; i < plan_.stdio_count; i++) {
      if (plan_.stdio[i].kind == CORRAL_STDIO_IGNORE) // it can open that itself
        continue;
      int child = -1;
      bool ours = false;
      int answer = corral_stdio_make(&plan_.stdio[i], &child, &parents_[i], &ours);
      if (answer < 0)
        return corral_fail(&error, -answer, "make stdio", plan_.command);
      Add(child, ours);
    }
    corral_message message = {};
    message.kind = CORRAL_SPAWN;
    message.id = id;
    int answer = corral_message_send(link, &message, &fds_);
    sent_ = answer == 0;
    return sent_ ? 0 : corral_fail(&error, -answer, answer == -EBADF ? "dup" : "sendmsg", "");
  }

private:
  void Add(int fd, bool ours) {
    fds_.fds[fds_.count++] = fd;
    if (ours)
      made_.push_back(fd);
  }

  const corral_spawn_plan &plan_;
  std::vector<int> &parents_;
  std::vector<int> made_;
  corral_fds fds_ = {};
  bool sent_ = false;
};

} // namespace

int SendSpawn(int link, uint32_t id, std::string plan, std::vector<int> &fds, corral_error &error) {
  AddEnvironment(plan);
  if (!AddInherited(plan))
    return corral_fail(&error, ENOMEM, "write plan", "");
  std::string block = plan; // reading may not change what is sent
  corral_plan read;
  int answer = corral_plan_read(block.data(), block.size(), nullptr, nullptr, &read);
  if (answer < 0)
    return corral_fail(&error, -answer, "read plan", "");
  answer = read.spawn.stdio_count > CORRAL_MESSAGE_FDS - 1
               ? corral_fail(&error, EINVAL, "stdio", read.spawn.command)
               : Sending(read.spawn, fds).Send(link, id, plan, error);
  corral_plan_free(&read);
  return answer;
}
