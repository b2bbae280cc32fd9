// What the addon is in one JavaScript environment (the main thread, and each worker that loads it), and the
// tables of what it can be called for: src/native/addon.ts types and calls these. Arguments are checked
// there, once; here they are only copied.
#ifndef CORRAL_ADDON_H
#define CORRAL_ADDON_H

#include <initializer_list>
#include <memory>
#include <napi.h>

#include "admission.h"
#include "handles.h"
#include "link.h"
#include "looker.h"
#include "reserve.h"
#include "scribe.h"
#include "spawner.h"
#include "watcher.h"

class Corral {
public:
  explicit Corral(Napi::Env env);

  // False with a pending exception: the watcher cannot be had.
  bool HasWatcher();
  // Promises of what the job comes to.
  Napi::Value Watch(std::unique_ptr<WatcherJob> job) { return AddTo(*watcher, std::move(job)); }
  Napi::Value Walk(std::unique_ptr<WatcherJob> job) { return AddTo(*walker, std::move(job)); }
  Napi::Value Fail(int number, const char *operation, const std::string &path = "");

  const Napi::Env env;
  Bridge *const bridge; // never destroyed: the channel's last callbacks may come after this object's end
  const std::unique_ptr<Spawner> spawner = std::make_unique<Spawner>(*bridge);
  const std::unique_ptr<Scribe> scribe = std::make_unique<Scribe>(*bridge);
  const std::shared_ptr<Handles> handles = std::make_shared<Handles>();
  const std::shared_ptr<Reserve> reserve = std::make_shared<Reserve>();
  const std::shared_ptr<Looker> looker = std::make_shared<Looker>(reserve);
  const std::shared_ptr<Watcher> walker = std::make_shared<Watcher>(*bridge, "corral-walker", *looker);
  // Also that of a spawn which had to be left behind
  const std::shared_ptr<Watcher> watcher =
      std::make_shared<Watcher>(*bridge, "corral-watcher", *looker, walker.get());
  const std::unique_ptr<Links> links = std::make_unique<Links>();
  const std::unique_ptr<Admissions> admissions = std::make_unique<Admissions>();

private:
  static void AtEnd(void *self);
  Napi::Value AddTo(Watcher &thread, std::unique_ptr<WatcherJob> job);
};

// A job that looks at all that there is, and so may take its time.
struct Walking {
  std::unique_ptr<WatcherJob> job;
};

struct Method {
  const char *name;
  napi_callback call;
};
using Methods = std::initializer_list<Method>;

extern const Methods kGroupMethods, kInstanceMethods, kLinkMethods, kProcessMethods, kProgramMethods;

#endif
