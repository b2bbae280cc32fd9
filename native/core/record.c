#define _GNU_SOURCE
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "language.h"
#include "members.h"
#include "own.h"
#include "tree.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define LABEL_BYTES 16384 // a key of 4,096 bytes, escaped
#define LIVED_BYTES (24 + CORRAL_NAMES * (CORRAL_NAME_BYTES + 1))
#define NOTE_MS 100
// A directory's name, its own `.`, and the `..` of the one below it
#define LINKS_OF_ONE_BELOW 3

struct corral_record corral_record_unknown(void) {
  return (struct corral_record){
      .started_ms = -1, .exit_code = -1, .killed = -1, .usage = corral_usage_unknown()};
}

const char *corral_program_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash && slash[1] ? slash + 1 : path;
}

#define NAME(signal) [signal] = #signal

static const char *name_of_signal(int signal) {
  static const char *const names[] = {
      NAME(SIGHUP),    NAME(SIGINT),  NAME(SIGQUIT),  NAME(SIGILL),  NAME(SIGTRAP), NAME(SIGABRT),
      NAME(SIGBUS),    NAME(SIGFPE),  NAME(SIGKILL),  NAME(SIGUSR1), NAME(SIGSEGV), NAME(SIGUSR2),
      NAME(SIGPIPE),   NAME(SIGALRM), NAME(SIGTERM),  NAME(SIGCHLD), NAME(SIGCONT), NAME(SIGSTOP),
      NAME(SIGTSTP),   NAME(SIGTTIN), NAME(SIGTTOU),  NAME(SIGURG),  NAME(SIGXCPU), NAME(SIGXFSZ),
      NAME(SIGVTALRM), NAME(SIGPROF), NAME(SIGWINCH), NAME(SIGIO),   NAME(SIGPWR),  NAME(SIGSYS),
      NAME(SIGSTKFLT)};
  return signal > 0 && (size_t)signal < sizeof names / sizeof *names ? names[signal] : NULL;
}

void corral_record_exit(struct corral_record *record, int code, int signal) {
  record->exit_code = signal ? -1 : code;
  record->exit_signal = name_of_signal(signal);
}

static int64_t ms_of(const struct timespec *time) {
  return (int64_t)time->tv_sec * 1000 + time->tv_nsec / 1000000;
}

static const char *read_boot_id(char text[64]) {
  CORRAL_OWNED_FD fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
  const ssize_t length = fd < 0 ? -1 : read(fd, text, 63);
  if (length <= 0)
    return NULL;
  text[length] = '\0';
  text[strcspn(text, "\n")] = '\0';
  return text;
}

void corral_record_write(struct corral_json *lines, const struct corral_record *record) {
  char boot[64];
  struct timespec now;
  const struct corral_usage *usage = &record->usage;
  clock_gettime(CLOCK_REALTIME, &now);
  corral_json_begin(lines);
  corral_json_number(lines, "v", CORRAL_RECORD_VERSION);
  corral_json_text(lines, "boot", read_boot_id(boot));
  corral_json_text(lines, "id", record->id);
  corral_json_text(lines, "key", record->key);
  corral_json_text(lines, "parentKey", record->parent);
  corral_json_text(lines, "instance", record->instance);
  corral_json_text(lines, "command", record->command);
  if (record->command_line)
    corral_json_text(lines, "commandLine", record->command_line);
  corral_json_number(lines, "startedAt", record->started_ms);
  corral_json_number(lines, "endedAt", ms_of(&now));
  corral_json_text(lines, "reason", record->reason);
  corral_json_number(lines, "exitCode", record->exit_code);
  corral_json_text(lines, "signal", record->exit_signal);
  corral_json_number(lines, "killed", record->killed);
  corral_json_texts(lines, "killedNames", record->names, record->name_count);
  corral_json_number(lines, "cpuUs", usage->cpu_us);
  corral_json_number(lines, "cpuUserUs", usage->cpu_user_us);
  corral_json_number(lines, "cpuSystemUs", usage->cpu_system_us);
  corral_json_number(lines, "memoryPeakBytes", usage->memory_peak);
  corral_json_number(lines, "swapPeakBytes", usage->swap_peak);
  corral_json_number(lines, "ioReadBytes", usage->io_read);
  corral_json_number(lines, "ioWriteBytes", usage->io_write);
  corral_json_number(lines, "pidsPeak", usage->pids_peak);
  corral_json_number(lines, "oomKills", usage->oom_kills);
  corral_json_number(lines, "cpuPressureUs", usage->cpu_pressure_us);
  corral_json_number(lines, "memoryPressureUs", usage->memory_pressure_us);
  corral_json_number(lines, "ioPressureUs", usage->io_pressure_us);
  corral_json_text(lines, "mechanism", record->mechanism);
  corral_json_text(lines, "writer", record->writer);
  corral_json_end(lines);
}

void corral_record_write_group(struct corral_json *lines, const struct corral_record *record, int group_fd,
                               int memory_fd) {
  char id[24];
  struct stat status;
  struct corral_record whole = *record;
  if (fstat(group_fd, &status) == 0) {
    snprintf(id, sizeof id, "%llu", (unsigned long long)status.st_ino);
    whole.id = id;
  }
  whole.usage = corral_usage_read(group_fd, memory_fd);
  corral_record_write(lines, &whole);
}

// ---- all of a directory ----

static const char *read_label(int fd, const char *label, char text[LABEL_BYTES]) {
  const ssize_t length = fgetxattr(fd, label, text, LABEL_BYTES - 1);
  if (length <= 0)
    return NULL;
  text[length] = '\0'; // and what follows a NUL that a payload put into it is not read
  return text;
}

static int digit(char letter) {
  const char *digits = "0123456789ABCDEF", *found = letter ? strchr(digits, letter) : NULL;
  return found ? (int)(found - digits) : -1;
}

// The key of a directory's name, as src/backend/cgroup/name.ts writes it: in place.
static void unescape(char *name) {
  char *to = name;
  for (const char *at = name; *at; to++) {
    const int high = *at == '%' ? digit(at[1]) : -1, low = high < 0 ? -1 : digit(at[2]);
    *to = low < 0 ? *at : (char)(high * 16 + low);
    at += low < 0 ? 1 : 3;
  }
  *to = '\0';
}

// The next word, without its escapes; NULL: an empty one.
static const char *next_word(char **words) {
  char *word = strsep(words, " ");
  if (!word || !*word)
    return NULL;
  unescape(word);
  return word;
}

bool corral_record_parse(char *words, struct corral_record *record, struct corral_ledger *ledger) {
  *record = corral_record_unknown();
  *ledger = (struct corral_ledger){.path = next_word(&words)};
  record->id = next_word(&words);
  record->instance = next_word(&words);
  record->key = next_word(&words);
  record->parent = next_word(&words);
  record->command = next_word(&words);
  record->command_line = next_word(&words);
  const char *started = next_word(&words);
  record->started_ms = started ? strtoll(started, NULL, 10) : -1;
  record->mechanism = "subreaper";
  return ledger->path && record->id && !words;
}

// Of the directory `levels` above a leaf. A key that is too long for a name is in a label.
static const char *key_above(int leaf_fd, int levels, const char *name, char key[LABEL_BYTES]) {
  CORRAL_OWNED_FD at = -1;
  snprintf(key, LABEL_BYTES, "%s", name);
  if (*name == '=') {
    at = corral_open_above(leaf_fd);
    for (int i = 1; i < levels && at >= 0; i++) {
      const int above = corral_open_above(at);
      corral_drop_fd(&at);
      at = above;
    }
    if (at < 0 || !read_label(at, CORRAL_KEY_LABEL, key))
      return NULL;
  }
  unescape(key);
  return key;
}

// The names of the directories from the top down to the leaf, as a path.
static int open_in_memory(int memory_fd, const struct corral_tree *tree) {
  char *path = memory_fd < 0 ? NULL : malloc(tree->used);
  if (!path)
    return -1;
  memcpy(path, tree->names, tree->used);
  for (size_t i = 0; i + 1 < tree->used; i++)
    if (!path[i])
      path[i] = '/';
  const int fd = openat(memory_fd, path, CORRAL_OPEN_DIRECTORY | O_CLOEXEC);
  free(path);
  return fd;
}

static const char *name_before(const struct corral_tree *tree, const char *name) {
  if (!name || name == tree->names)
    return NULL;
  for (name--; name > tree->names && name[-1];)
    name--;
  return name;
}

struct texts {
  char key[LABEL_BYTES], parent[LABEL_BYTES], command[LABEL_BYTES], command_line[LABEL_BYTES];
  char lived[LABEL_BYTES];
  const char *names[CORRAL_NAMES];
};

// Who lived in it: all were killed.
static void read_lived(int leaf_fd, struct corral_record *record, struct texts *texts) {
  if (!read_label(leaf_fd, CORRAL_LIVED_LABEL, texts->lived))
    return;
  char *rest = texts->lived;
  record->killed = strtoll(strsep(&rest, "\n"), NULL, 10);
  record->names = texts->names;
  record->name_count = 0;
  while (rest && record->name_count < CORRAL_NAMES)
    texts->names[record->name_count++] = strsep(&rest, "\n");
}

static void write_leaf(struct corral_json *lines, const struct corral_tree *tree,
                       const struct corral_record *common, bool args, int memory_fd, struct texts *texts) {
  struct stat status;
  struct corral_record record = *common;
  const char *family = name_before(tree, corral_tree_name(tree)), *above = name_before(tree, family);
  CORRAL_OWNED_FD leaf_memory_fd = open_in_memory(memory_fd, tree);
  record.key = family ? key_above(tree->fd, 1, family, texts->key) : NULL;
  record.parent = above ? key_above(tree->fd, 2, above, texts->parent) : NULL;
  record.command = read_label(tree->fd, CORRAL_PROGRAM_LABEL, texts->command);
  if (args)
    record.command_line = read_label(tree->fd, CORRAL_COMMAND_LABEL, texts->command_line);
  if (record.killed < 0)
    read_lived(tree->fd, &record, texts);
  if (fstat(tree->fd, &status) == 0)
    record.started_ms = ms_of(&status.st_ctim);
  corral_record_write_group(lines, &record, tree->fd, leaf_memory_fd);
}

// Walks to the next leaf. What a session makes within its own is not looked at: it could look like other
// sessions. True where the walk is at one; else `step` is CORRAL_TREE_OVER or -errno.
static bool next_leaf(struct corral_tree *tree, int *step) {
  while ((*step = corral_tree_step(tree)) > CORRAL_TREE_OVER) {
    if (*step != CORRAL_TREE_ENTERED || tree->depth == 0 || strcmp(corral_tree_name(tree), CORRAL_LEAF) != 0)
      continue;
    tree->passes = true;
    if (tree->depth > 1)
      return true;
  }
  return false;
}

int corral_record_write_all(struct corral_json *lines, const struct corral_path *sessions,
                            const struct corral_record *common, bool args, int memory_fd) {
  struct corral_tree tree = corral_tree_none();
  struct texts *texts = malloc(sizeof *texts);
  int step = texts ? corral_tree_begin(&tree, sessions, false) : -ENOMEM;
  while (step >= 0 && next_leaf(&tree, &step))
    write_leaf(lines, &tree, common, args, memory_fd, texts);
  corral_tree_end(&tree);
  free(texts);
  return step == -ENOENT || step == -ENODEV ? 0 : step < 0 ? step : lines->failed ? -ENOMEM : 0;
}

// ---- who lives in them ----

// Where the leaf has no other directory than that of its processes, and that has none.
static bool list_members(int leaf_fd, struct corral_members *members) {
  struct stat status;
  CORRAL_OWNED_FD inside = corral_open_below(leaf_fd, CORRAL_INSIDE, CORRAL_OPEN_DIRECTORY);
  if (inside < 0 || !corral_is_lowest(inside) || fstat(leaf_fd, &status) < 0 ||
      status.st_nlink != LINKS_OF_ONE_BELOW)
    return false;
  const bool listed =
      corral_members_append(leaf_fd, members) == 0 && corral_members_append(inside, members) == 0;
  corral_members_sort(members);
  return listed && !members->unreachable;
}

// A number, and names, a line each.
static size_t write_lived(const struct corral_members *members, char text[LIVED_BYTES]) {
  size_t length = (size_t)snprintf(text, LIVED_BYTES, "%zu", members->count);
  for (size_t i = 0; i < members->count && i < CORRAL_NAMES; i++) {
    char path[32], name[CORRAL_NAME_BYTES];
    snprintf(path, sizeof path, "/proc/%d/comm", members->pids[i]);
    CORRAL_OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t read_bytes = fd < 0 ? -1 : read(fd, name, sizeof name);
    if (read_bytes <= 0)
      continue;
    name[read_bytes - 1] = '\0'; // the line feed
    for (char *feed = name; (feed = strchr(feed, '\n'));)
      *feed = ' ';
    length += (size_t)snprintf(text + length, LIVED_BYTES - length, "\n%s", name);
  }
  return length;
}

// A process that began before, and died at it, has seen more: none is no news.
static void note_leaf(int leaf_fd) {
  char text[LIVED_BYTES];
  struct corral_members members = {0};
  if (list_members(leaf_fd, &members)) {
    const size_t length = write_lived(&members, text);
    (void)fsetxattr(leaf_fd, CORRAL_LIVED_LABEL, text, length, members.count > 0 ? 0 : XATTR_CREATE);
  }
  corral_members_free(&members);
}

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return ms_of(&now);
}

void corral_record_note(const struct corral_path *sessions) {
  const int64_t until_ms = now_ms() + NOTE_MS;
  struct corral_tree tree = corral_tree_none();
  int step = corral_tree_begin(&tree, sessions, false);
  while (step >= 0 && now_ms() < until_ms && next_leaf(&tree, &step))
    note_leaf(tree.fd);
  corral_tree_end(&tree);
}
