#define _GNU_SOURCE
#include "prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "../core/collect.h"
#include "../core/group.h"
#include "../core/instance.h"
#include "../core/ledger.h"
#include "../core/memory_v1.h"
#include "../core/own.h"
#include "../core/plan.h"
#include "../core/record.h"
#include "log.h"
#include "monitor.h"

#define MAX_STEPS 256
#define COMMAND_BYTES 512 // what is kept of a command line; a whole one can be megabytes
#define CREATE_MS 5000    // another creator or a sweeper locks <root>/corral for a few system calls

struct steps {
  struct corral_make_step list[MAX_STEPS];
  size_t count;
  bool too_many;
};

static void add(struct steps *steps, enum corral_make_kind kind, const char *path, const char *name,
                const char *value) {
  if (steps->count == MAX_STEPS || !path)
    steps->too_many = true;
  else
    steps->list[steps->count++] =
        (struct corral_make_step){.kind = kind, .path = path, .name = name, .value = value};
}

// Paths of steps live as long as the program: there are a few, and they are needed up to exec. Pages that
// nobody touches cost nothing. NULL when there is no more room.
static char *path_of(const char *directory, const char *name) {
  static char room[MAX_STEPS * 1024], *next = room;
  if (!directory || strlen(directory) + strlen(name) + 2 > (size_t)(room + sizeof room - next))
    return NULL;
  char *path = next;
  next = stpcpy(stpcpy(stpcpy(path, directory), "/"), name) + 1;
  return path;
}

static bool lists(const char *text, const char *word) {
  size_t length = strlen(word);
  for (const char *at = text; (at = strstr(at, word)); at += length)
    if ((at == text || at[-1] == ' ') && (at[length] == '\0' || strchr(" \n", at[length])))
      return true;
  return false;
}

static void read_text(const struct corral_base *directory, const char *file, char *text, size_t size) {
  CORRAL_OWNED_FD fd = corral_open_below(directory->fd, file, O_RDONLY);
  ssize_t length = fd < 0 ? 0 : read(fd, text, size - 1);
  text[length > 0 ? length : 0] = '\0';
}

// Turns on for the children of the root what it offers, and gives in `value` what is on: "+memory +pids". One
// that cannot be turned on stays off; a setting that needs it is refused then.
static void enable_at_root(const struct corral_base *root, char *value, size_t size) {
  static const char *const controllers[] = {"memory", "pids", "cpu", "io"};
  char offered[256], enabled[256], one[16];
  read_text(root, "cgroup.controllers", offered, sizeof offered);
  *value = '\0';
  for (size_t i = 0; i < sizeof controllers / sizeof *controllers; i++) {
    if (!lists(offered, controllers[i]))
      continue;
    snprintf(one, sizeof one, "+%s", controllers[i]);
    CORRAL_OWNED_FD control = corral_open_below(root->fd, "cgroup.subtree_control", O_WRONLY);
    if (control >= 0)
      (void)!write(control, one, strlen(one));
    read_text(root, "cgroup.subtree_control", enabled, sizeof enabled);
    if (lists(enabled, controllers[i]))
      snprintf(value + strlen(value), size - strlen(value), "%s%s", *value ? " " : "", one);
  }
}

// The v1 paths of the directories from sessions/ down, in the v1 memory hierarchy: what the sessions'
// directory is there is named in a label, for the process that has to remove it.
static void add_memory_home(struct steps *steps, const struct prepared *prepared) {
  const char *home = prepared->memory_home;
  add(steps, CORRAL_LABEL, prepared->instance, CORRAL_MEMORY_LABEL, home);
  add(steps, CORRAL_MAKE_NEW, home, NULL, NULL);
  // Before Linux 5.11 a limit is else not one of all that is below
  add(steps, CORRAL_TRY_WRITE, path_of(home, "memory.use_hierarchy"), NULL, "1");
}

static void add_directory(struct steps *steps, const char *directory, const char *controllers) {
  add(steps, CORRAL_MAKE_SHARED, directory, NULL, NULL);
  if (*controllers)
    add(steps, CORRAL_WRITE, path_of(directory, "cgroup.subtree_control"), NULL, controllers);
}

// All that is made: the directories from <root>/corral down, and what is written into the last.
static bool plan_steps(const struct preparation *plan, struct prepared *prepared, const char *controllers,
                       const char *command, struct steps *steps) {
  const char *home = path_of(plan->root.path, CORRAL_DIRECTORY);
  if (*controllers && home)
    add(steps, CORRAL_WRITE, path_of(home, "cgroup.subtree_control"), NULL, controllers);
  add_directory(steps, prepared->instance, controllers);
  const char *directory = path_of(prepared->instance, CORRAL_SESSIONS);
  add_directory(steps, directory, controllers);
  const char *memory = *prepared->memory_home ? prepared->memory_home : NULL;
  if (memory)
    add_memory_home(steps, prepared);
  for (const char *family = prepared->family, *rest; family; family = rest) {
    char name[NAME_MAX + 1];
    rest = strchr(family, '/');
    snprintf(name, sizeof name, "%.*s", (int)(rest ? rest++ - family : NAME_MAX), family);
    directory = path_of(directory, name);
    add_directory(steps, directory, controllers);
    if (memory)
      add(steps, CORRAL_MAKE_SHARED, memory = path_of(memory, name), NULL, NULL);
    for (size_t i = 0; i < plan->key_count; i++)
      if (!strcmp(plan->keys[i].name, name))
        add(steps, CORRAL_LABEL, directory, CORRAL_KEY_LABEL, plan->keys[i].key);
  }
  add(steps, CORRAL_MAKE_NEW, prepared->group, NULL, NULL);
  if (memory)
    add(steps, CORRAL_MAKE_NEW, prepared->memory_group = path_of(memory, CORRAL_LEAF), NULL, NULL);
  add(steps, CORRAL_LABEL, prepared->group, CORRAL_MODE_LABEL, "oneshot");
  add(steps, CORRAL_LABEL, prepared->group, CORRAL_COMMAND_LABEL, command);
  add(steps, CORRAL_LABEL, prepared->group, CORRAL_PROGRAM_LABEL, corral_program_name(plan->run.command[0]));
  for (size_t i = 0; i < plan->setting_count; i++) {
    const struct setting *setting = &plan->settings[i];
    const char *group = setting->in_memory ? prepared->memory_group : prepared->group;
    add(steps, setting->optional ? CORRAL_TRY_WRITE : CORRAL_WRITE, path_of(group, setting->file), NULL,
        setting->value);
  }
  add(steps, CORRAL_MAKE_NEW, path_of(prepared->group, CORRAL_INSIDE), NULL, NULL);
  return !steps->too_many;
}

// What it is started by is needed up to its exec.
static int start_leader(const struct preparation *plan, struct prepared *prepared) {
  static struct corral_stdio stdio[CORRAL_MAX_STDIO];
  static struct corral_plan found;
  int none[CORRAL_MAX_STDIO];
  size_t words = 0;
  while (plan->run.command[words])
    words++;
  extern char **environ;
  struct corral_spawn_plan *spawn = &found.spawn;
  *spawn = (struct corral_spawn_plan){
      .command = plan->run.command[0],
      .argv = plan->run.command,
      .envp = environ,
      .shell_argv = calloc(words + 3, sizeof(char *)),
      .group = prepared->group,
      .group_fd = prepared->session.fd,
      .memory_group = prepared->memory_group,
      .stdio = stdio,
      .stdio_count = inherited_stdio(plan->run.inherited, stdio),
      .no_clone3 = plan->no_clone3,
  };
  inherited_apply(plan->run.inherited, spawn);
  corral_own_pids_set(spawn, corral_own_pids_in(environ), found.own_pids);
  struct corral_error error = {0};
  int answer = -ENOMEM;
  if (!spawn->shell_argv || corral_plan_find(&found) < 0)
    corral_fail(&error, ENOMEM, "look up", plan->run.command[0]);
  else
    answer = corral_start_begin(&prepared->start, spawn, none, &error);
  return answer == 0 ? 0 : log_refused(plan->run.command[0], &error);
}

static bool name_instance(struct prepared *prepared, const struct preparation *plan) {
  uint8_t bytes[5];
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
    return false;
  snprintf(prepared->name, sizeof prepared->name, "i%02x%02x%02x%02x%02x", bytes[0], bytes[1], bytes[2],
           bytes[3], bytes[4]);
  snprintf(prepared->own_family, sizeof prepared->own_family, "%s-1", prepared->name);
  prepared->family = plan->family ? plan->family : prepared->own_family;
  if (plan->memory_group && snprintf(prepared->memory_home, PATH_MAX, "%s/corral-%s", plan->memory_group,
                                     prepared->name) >= PATH_MAX)
    return false;
  return snprintf(prepared->instance, PATH_MAX, "%s/" CORRAL_DIRECTORY "/%s", plan->root.path,
                  prepared->name) < PATH_MAX &&
         snprintf(prepared->group, PATH_MAX, "%s/" CORRAL_SESSIONS "/%s/" CORRAL_LEAF, prepared->instance,
                  prepared->family) < PATH_MAX;
}

static int make_instance(const struct preparation *plan, struct prepared *prepared, const char *command) {
  const struct timespec pause = {.tv_nsec = 1000000};
  struct corral_error error;
  for (int64_t until = corral_now_ms() + CREATE_MS;; nanosleep(&pause, NULL)) {
    prepared->lock = corral_instance_make(&plan->root, prepared->name, command, &error);
    if (prepared->lock >= 0 || !corral_instance_must_wait(&error) || corral_now_ms() > until)
      break;
  }
  if (prepared->lock >= 0) {
    prepared->instance_fd = corral_open_below(prepared->lock, ".", CORRAL_OPEN_DIRECTORY);
    prepared->guard_plan.instance_fd = prepared->instance_fd;
    return 0;
  }
  log_error("nothing can be made below the root", &error);
  return STATUS_FAILED;
}

static int make_group(const struct preparation *plan, struct prepared *prepared, const char *command) {
  static struct steps steps;
  char controllers[64];
  struct corral_error error;
  enable_at_root(&plan->root, controllers, sizeof controllers);
  if (!plan_steps(plan, prepared, controllers, command, &steps)) {
    log_message("the session cgroup cannot be made: too many keys and settings");
    return STATUS_FAILED;
  }
  if (corral_make(&plan->root, steps.list, steps.count, &error) == 0) {
    prepared->session = corral_path_of(&plan->root, prepared->group);
    prepared->session.fd = corral_open_path(&prepared->session, CORRAL_OPEN_DIRECTORY);
    return start_leader(plan, prepared);
  }
  log_error("the session cgroup cannot be made", &error);
  return STATUS_FAILED;
}

static void join_words(char **words, char *text, size_t size) {
  size_t at = 0;
  for (*text = '\0'; *words && at < size; words++)
    at += (size_t)snprintf(text + at, size - at, "%s%s", at ? " " : "", *words);
}

// What the guard ends, it tells itself.
static struct corral_end_plan guard_end(const struct preparation *plan) {
  static struct corral_ledger ledger;
  struct corral_end_plan end = plan->run.end;
  if (end.ledger) {
    ledger = *end.ledger;
    ledger.writer = "guard";
    end.ledger = &ledger;
  }
  return end;
}

int prepare(const struct preparation *plan, struct prepared *prepared) {
  char command[COMMAND_BYTES], owner[COMMAND_BYTES];
  join_words(plan->run.command, command, sizeof command);
  snprintf(owner, sizeof owner, "corral run -- %.480s", command);
  *prepared = (struct prepared){.guard = {.lifeline = -1, .first = -1}, .lock = -1, .instance_fd = -1};
  if (!name_instance(prepared, plan)) {
    log_message("%s is too long a path, or the kernel gave no random bytes", plan->root.path);
    return STATUS_FAILED;
  }
  prepared->guard_plan = (struct guard_plan){.root = plan->root,
                                             .instance_fd = -1,
                                             .name = prepared->name,
                                             .end = guard_end(plan),
                                             .no_clone3 = plan->no_clone3};
  // First, so that nothing is ever there that it does not guard
  int answer = guard_start(prepared->guard_plan, &prepared->guard);
  if (answer < 0) {
    log_message("no guard can be started: %s", log_reason(-answer));
    return STATUS_FAILED;
  }
  int status = make_instance(plan, prepared, owner);
  if (!status && (answer = guard_move_in(&prepared->guard)) < 0) {
    log_message("the guard cannot move into its group: %s", log_reason(-answer));
    status = STATUS_FAILED;
  }
  if (!status)
    status = make_group(plan, prepared, command);
  if (status)
    (void)unprepare(plan, prepared);
  return status;
}

int unprepare(const struct preparation *plan, struct prepared *prepared) {
  if (prepared->guard.lifeline >= 0)
    (void)guard_over(&prepared->guard, plan->run.end.kill_ms + 1000);
  guard_drop(&prepared->guard);
  struct corral_error error; // nothing to do, unless the guard died
  struct corral_path instance = corral_path_of(&plan->root, prepared->instance);
  instance.fd = prepared->instance_fd;
  struct corral_end_plan end = plan->run.end;
  end.ledger = NULL; // its line is written
  int answer = corral_instance_remove(&instance, &end, &error);
  if (answer < 0)
    log_error("the session's directories are left for the next sweep", &error);
  else
    corral_instances_remove_directory(&plan->root);
  return answer < 0 ? STATUS_FAILED : 0;
}
