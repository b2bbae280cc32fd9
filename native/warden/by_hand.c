#define _GNU_SOURCE
#include "by_hand.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "../core/close_from.h"
#include "../core/language.h"
#include "../core/message.h"
#include "../core/own.h"
#include "../core/record.h"
#include "../core/spawn_child.h"

#define COMMAND_BYTES 512                      // what is kept of a command line; a whole one can be megabytes
#define MAX_INHERITED (CORRAL_MESSAGE_FDS - 5) // beside stdio and a plan in one message

static void field(FILE *block, const char *text) {
  (void)fwrite(text, 1, strlen(text) + 1, block);
}

static void number(FILE *block, int64_t value) {
  (void)fprintf(block, "%" PRId64 "%c", value, 0);
}

// ---- what the process that starts us gives the command: descriptors, signals, umask, limits ----

static uint64_t ignored_signals(void) {
  uint64_t ignored = 0;
  struct sigaction now;
  for (int signal = 1; signal < NSIG; signal++)
    if (sigaction(signal, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
      ignored |= 1ULL << (signal - 1);
  return ignored;
}

static void write_inherited(FILE *block, const struct given *given) {
  uint64_t blocked = 0;
  struct corral_attributes attributes;
  char text[CORRAL_ATTRIBUTES_TEXT];
  (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &blocked, CORRAL_KERNEL_SIGSET_BYTES);
  corral_attributes_get(&attributes);
  if (given->open_files != NOT_GIVEN)
    attributes.limits[RLIMIT_NOFILE].soft = given->open_files;
  corral_attributes_write(&attributes, text);
  (void)fprintf(block, ":%" PRIu64 ",%" PRIu64 ",%d%s%c",
                given->ignored == NOT_GIVEN ? ignored_signals() : given->ignored,
                given->blocked == NOT_GIVEN ? blocked : given->blocked, getpid(), text, 0);
}

void given_restore(const struct given *given) {
  if (given->ignored != NOT_GIVEN)
    for (int number = 1; number < NSIG; number++)
      (void)signal(number, given->ignored & (1ULL << (number - 1)) ? SIG_IGN : SIG_DFL);
  struct rlimit files;
  if (given->open_files != NOT_GIVEN && getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = (rlim_t)given->open_files;
    (void)setrlimit(RLIMIT_NOFILE, &files);
  }
  // Last: what comes from now on is the command's
  if (given->blocked != NOT_GIVEN)
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &given->blocked, NULL, CORRAL_KERNEL_SIGSET_BYTES);
}

// Those that are too many or too high are closed. How many there are up to the last.
static size_t inherited_descriptors(bool open[CORRAL_MAX_STDIO]) {
  size_t count = STDERR_FILENO + 1, further = 0;
  for (size_t i = 0; i < count; i++)
    open[i] = true;
  DIR *descriptors = opendir("/proc/self/fd");
  if (!descriptors) { // no /proc: nothing that is above stdio is known
    close_from(STDERR_FILENO + 1);
    return count;
  }
  for (const struct dirent *entry; (entry = readdir(descriptors));) {
    int fd = (int)strtol(entry->d_name, NULL, 10); // 0 for . and ..
    if (fd <= STDERR_FILENO || fd == dirfd(descriptors))
      continue;
    if (fd >= CORRAL_MAX_STDIO || further++ >= MAX_INHERITED) {
      close(fd);
      continue;
    }
    open[fd] = true;
    if ((size_t)fd >= count)
      count = (size_t)fd + 1;
  }
  closedir(descriptors);
  return count;
}

static void write_descriptors(FILE *block) {
  bool open[CORRAL_MAX_STDIO] = {false};
  const size_t count = inherited_descriptors(open);
  number(block, (int64_t)count);
  for (size_t i = 0; i < count; i++) {
    if (open[i])
      number(block, (int64_t)i);
    else
      field(block, "none");
  }
}

// ---- the cgroup ----

static void step(FILE *block, const char *kind, const char *path, const char *value, const char *name) {
  field(block, kind);
  field(block, path);
  field(block, value);
  field(block, name);
}

// Paths live up to the end of the block that they are written into.
static struct path {
  struct path *next;
  char text[];
} * paths;

static const char *below(const char *directory, const char *name) {
  const size_t size = strlen(directory) + strlen(name) + 2;
  struct path *path = malloc(sizeof *path + size);
  if (!path)
    return "";
  (void)snprintf(path->text, size, "%s/%s", directory, name);
  path->next = paths;
  paths = path;
  return path->text;
}

static void free_paths(void) {
  for (struct path *path; (path = paths); free(path))
    paths = path->next;
}

// Turns on for the children of the root what it offers, and gives in `value` what is on: "+memory +pids". One
// that cannot be turned on stays off; a setting that needs it is refused then.
static void enable_at_root(const char *root, char value[64]) {
  static const char *const controllers[] = {"+memory", "+pids", "+cpu", "+io"};
  CORRAL_OWNED_FD control = open(below(root, "cgroup.subtree_control"), O_RDWR | O_CLOEXEC);
  *value = '\0';
  for (size_t i = 0; i < sizeof controllers / sizeof *controllers; i++) {
    char enabled[256] = " ", word[16];
    (void)!write(control, controllers[i], strlen(controllers[i]));
    ssize_t length = pread(control, enabled + 1, sizeof enabled - 2, 0);
    if (length > 0)
      enabled[length] = ' '; // the end of the line
    (void)snprintf(word, sizeof word, " %s ", controllers[i] + 1);
    if (strstr(enabled, word))
      value = stpcpy(stpcpy(value, controllers[i]), " ");
  }
}

// The directories from <root>/corral down to `family`, with the controllers that are on.
static void write_families(FILE *block, const struct by_hand *given, const char *family, size_t first) {
  char enabled[64], *path = strdup(family);
  enable_at_root(given->root, enabled);
  for (char *name = path ? path + strlen(given->root) + 1 : NULL, *next; name; name = next) {
    if ((next = strchr(name, '/')))
      *next = '\0';
    step(block, "shared", path, "", "");
    if (*enabled)
      step(block, "write", below(path, "cgroup.subtree_control"), enabled, "");
    for (size_t i = 0; i < given->key_count && name >= path + first; i++)
      if (!strcmp(given->keys[i].name, name))
        step(block, "label", path, given->keys[i].key, CORRAL_KEY_LABEL);
    if (next)
      *next++ = '/';
  }
  free(path);
}

static void write_group(FILE *block, const struct by_hand *given, const char *group, const char *command) {
  step(block, "new", group, "", "");
  step(block, "label", group, "oneshot", CORRAL_MODE_LABEL);
  step(block, "label", group, command, CORRAL_COMMAND_LABEL);
  step(block, "label", group, corral_program_name(*given->command), CORRAL_PROGRAM_LABEL);
  for (size_t i = 0; i < given->setting_count; i++)
    step(block, given->settings[i].kind, below(group, given->settings[i].file), given->settings[i].value,
         given->settings[i].file);
  step(block, "new", below(group, CORRAL_INSIDE), "", "");
}

// ---- all of it ----

static void join_words(char **words, char text[COMMAND_BYTES]) {
  size_t at = 0;
  for (*text = '\0'; *words && at < COMMAND_BYTES; words++)
    at += (size_t)snprintf(text + at, COMMAND_BYTES - at, "%s%s", at ? " " : "", *words);
}

static void write_process(FILE *block, const char *group) {
  field(block, ""); // uid
  field(block, ""); // gid
  field(block, ""); // cwd
  field(block, group);
  field(block, ""); // v1 memory group
  field(block, ""); // the command, which is ours
  write_descriptors(block);
}

static void write_block(FILE *block, const struct by_hand *given, const char *instance) {
  char command[COMMAND_BYTES], owner[COMMAND_BYTES];
  join_words(given->command, command);
  (void)snprintf(owner, sizeof owner, "corral run -- %.480s", command);
  const int64_t numbers[] = {given->grace_ms, given->drain_ms, given->kill_ms,
                             given->start_ms, given->life_ms,  0};
  (void)fprintf(block, "%s%s%s%s%c", given->freeze ? "f" : "", given->scan ? "p" : "",
                given->as_status ? "s" : "", given->ledger.args ? "l" : "", 0);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    number(block, numbers[i]);
  field(block, given->root ? given->root : "");
  field(block, given->root ? instance : "");
  field(block, given->root ? owner : "");
  field(block, given->ledger.path ? given->ledger.path : "");
  field(block, ""); // the line of a reaper's session
  (void)fputs(given->no_clone3 ? "an" : "a", block);
  write_inherited(block, &given->given);
  if (!given->root) {
    write_process(block, "");
    return;
  }
  char own[16];
  (void)snprintf(own, sizeof own, "%s-1", instance);
  const char *sessions = below(below(below(given->root, CORRAL_DIRECTORY), instance), CORRAL_SESSIONS);
  const char *family = below(sessions, given->family ? given->family : own);
  const char *group = below(family, CORRAL_LEAF);
  write_process(block, group);
  write_families(block, given, family, strlen(sessions));
  write_group(block, given, group, command);
}

char *by_hand_block(const struct by_hand *given, size_t *size) {
  uint8_t bytes[5];
  char instance[12], *text = NULL;
  FILE *block = open_memstream(&text, size);
  if (!block || getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
    return NULL;
  (void)snprintf(instance, sizeof instance, "i%02x%02x%02x%02x%02x", bytes[0], bytes[1], bytes[2], bytes[3],
                 bytes[4]);
  write_block(block, given, instance);
  free_paths();
  return fclose(block) == 0 ? text : NULL;
}
