// Lifelines to keepers and reapers (native/warden/reaper.h): sockets that close with the environment that
// opened them, and what is sent over them. None of it blocks.
#ifndef CORRAL_LINK_H
#define CORRAL_LINK_H

#include <set>
#include <string>
#include <vector>

extern "C" {
#include "../core/door.h"
#include "../core/error.h"
#include "../core/message.h"
}

class Links {
public:
  ~Links() { CloseAll(); }

  // Both ends of a new one, of which the first is kept here. False, with errno.
  bool Open(int ends[2]);
  // One to a reaper, by its door; `pid` takes that of the reaper, which is woken: one that was stopped does
  // not hear, and would not end its session either. The link, or -errno: see core/door.h.
  int Enter(const std::string &door, pid_t *pid, uid_t *uid);
  // Ends it: receive() then tells of its end. The descriptor is kept until Drop().
  void HangUp(int link);
  void Drop(int link);
  void CloseAll();

private:
  std::set<int> open_;
};

// Asks a reaper for a process, by a plan of src/native/plan.ts. `fds` takes the caller's ends of its stdio,
// -1 where there is none. 0, or -errno and `error`, and no descriptor is left.
int SendSpawn(int link, uint32_t id, std::string plan, std::vector<int> &fds, corral_error &error);

#endif
