// corral-warden: what has to live on when a gateway dies, or must cost next to nothing while it lives. Roles:
//
//   run    holds one command from start to end (what `corral run` becomes)
//   guard  ends an instance when its owner is gone (openCorral() starts it)
//   keep   holds sessions without cgroups (openCorral() starts it where there are none)
//   ledger says whether a ledger can be written to
//   enter  joins a group that stands ready and becomes the command (what corral.wrap() gives)
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/build.h"
#include "../core/children.h"
#include "../core/instance.h"
#include "../core/language.h"
#include "../core/ledger.h"
#include "../core/own_proc.h"
#include "enter.h"
#include "guard.h"
#include "inherited.h"
#include "keeper.h"
#include "log.h"
#include "run.h"

#define NOT_GIVEN (~0ULL)
#define DEFAULT_GRACE_MS 1000 // a host such as acpx follows its SIGTERM with SIGKILL 1.5 s later
#define DEFAULT_KILL_MS 10000
#define DEFAULT_START_MS 10000

static const char USAGE[] =
    "usage: corral-warden run --root DIRECTORY [--place NAME[/NAME]...] [--set|--try-set FILE=VALUE]... "
    "[--memory-group DIRECTORY [--set-memory FILE=VALUE]...] [--watch-memory BYTES] "
    "[--key NAME "
    "KEY]...\n"
    "                         [--grace MS] [--drain MS] [--timeout MS] [--kill-timeout MS] [--start-timeout "
    "MS] [--freeze] "
    "[--no-clone3]\n"
    "                         [--status-128] [--ignored MASK] [--blocked MASK] [--open-files N] [--ledger "
    "FILE "
    "[--ledger-args]] -- COMMAND "
    "[ARGUMENT]...\n"
    "       corral-warden run --subreaper [--labels TEXT] [--record WORDS] [--watch-memory BYTES] [--grace "
    "MS] [--drain MS] "
    "[--timeout MS] "
    "[--kill-timeout MS] [--start-timeout MS] [--scan]\n"
    "                         [--status-128] [--ignored MASK] [--blocked MASK] [--open-files N] -- COMMAND "
    "[ARGUMENT]...\n"
    "       corral-warden enter --group DIRECTORY --id INODE [--memory-group DIRECTORY] [--login-mark]\n"
    "                         [--ignored MASK] [--blocked MASK] [--open-files N] -- COMMAND "
    "[ARGUMENT]...\n"
    "       corral-warden enter --door NAME [--door-owner UID] [--kill-timeout MS] [--start-timeout MS] "
    "[--scan] -- COMMAND "
    "[ARGUMENT]...\n"
    "       corral-warden guard --root DIRECTORY --instance NAME --owner PID [--kill-timeout MS] [--freeze]\n"
    "                         [--no-clone3] [--root-fd FD] [--instance-fd FD] [--ledger FILE "
    "[--ledger-args]]\n"
    "                         (the lifeline is descriptor 0)\n"
    "       corral-warden keep --owner PID [--kill-timeout MS] [--scan]          (the lifeline is descriptor "
    "0)\n"
    "       corral-warden ledger --ledger FILE\n"
    "       corral-warden --version\n";

enum choice {
  ROOT = 1,
  FAMILY,
  SET,
  TRY_SET,
  SET_MEMORY,
  MEMORY_GROUP,
  WATCH_MEMORY,
  KEY,
  GRACE,
  DRAIN,
  LIFE,
  KILL_TIMEOUT,
  START_TIMEOUT,
  FREEZE,
  NO_CLONE3,
  GROUP,
  ID,
  INSTANCE,
  OWNER,
  ROOT_FD,
  INSTANCE_FD,
  SCAN,
  LOGIN_MARK,
  PROTOCOL,
  SUBREAPER,
  DOOR,
  DOOR_OWNER,
  LABELS,
  IGNORED,
  BLOCKED,
  OPEN_FILES,
  STATUS_128,
  LEDGER,
  RECORD,
  LEDGER_ARGS
};

static const struct option OPTIONS[] = {
    {"root", required_argument, NULL, ROOT},
    {"place", required_argument, NULL, FAMILY},
    {"set", required_argument, NULL, SET},
    {"try-set", required_argument, NULL, TRY_SET},
    {"set-memory", required_argument, NULL, SET_MEMORY},
    {"memory-group", required_argument, NULL, MEMORY_GROUP},
    {"watch-memory", required_argument, NULL, WATCH_MEMORY},
    {"key", required_argument, NULL, KEY},
    {"grace", required_argument, NULL, GRACE},
    {"drain", required_argument, NULL, DRAIN},
    {"timeout", required_argument, NULL, LIFE},
    {"kill-timeout", required_argument, NULL, KILL_TIMEOUT},
    {"start-timeout", required_argument, NULL, START_TIMEOUT},
    {"freeze", no_argument, NULL, FREEZE},
    {"no-clone3", no_argument, NULL, NO_CLONE3},
    {"group", required_argument, NULL, GROUP},
    {"id", required_argument, NULL, ID},
    {"instance", required_argument, NULL, INSTANCE},
    {"owner", required_argument, NULL, OWNER},
    {"root-fd", required_argument, NULL, ROOT_FD},
    {"instance-fd", required_argument, NULL, INSTANCE_FD},
    {"scan", no_argument, NULL, SCAN},
    {"login-mark", no_argument, NULL, LOGIN_MARK},
    {"protocol", required_argument, NULL, PROTOCOL},
    {"subreaper", no_argument, NULL, SUBREAPER},
    {"hold", no_argument, NULL, SUBREAPER}, // of 0.1.0
    {"door", required_argument, NULL, DOOR},
    {"door-owner", required_argument, NULL, DOOR_OWNER},
    {"labels", required_argument, NULL, LABELS},
    {"ignored", required_argument, NULL, IGNORED},
    {"blocked", required_argument, NULL, BLOCKED},
    {"open-files", required_argument, NULL, OPEN_FILES},
    {"status-128", no_argument, NULL, STATUS_128},
    {"ledger", required_argument, NULL, LEDGER},
    {"record", required_argument, NULL, RECORD},
    {"ledger-args", no_argument, NULL, LEDGER_ARGS},
    {NULL, 0, NULL, 0},
};

struct arguments {
  struct preparation run;
  const char *group, *instance, *door, *labels, *record;
  long long id, owner, protocol, door_owner;
  int root_fd, instance_fd; // -1: not held open
  struct corral_ledger ledger;
  bool scan, subreaper, login_mark;
  // What Node had changed before it became this program, as it was before Node; ~0: nothing is given
  struct {
    uint64_t ignored, blocked, open_files;
  } given;
};

_Noreturn static void usage(const char *why, const char *what) {
  log_message("%s%s", why, what);
  (void)!write(STDERR_FILENO, USAGE, sizeof USAGE - 1);
  exit(STATUS_USAGE);
}

static long long number(const char *option, const char *text, long long most) {
  char *end;
  errno = 0;
  long long value = strtoll(text, &end, 10);
  if (errno || end == text || *end || value < 0 || value > most) {
    log_message("--%s takes a whole number from 0 to %lld, not '%s'", option, most, text);
    exit(STATUS_USAGE);
  }
  return value;
}

// As SigIgn and SigBlk of proc_pid_status(5): bit N - 1 is signal N.
static uint64_t signals(const char *option, const char *text) {
  char *end;
  errno = 0;
  uint64_t mask = strtoull(text, &end, 16);
  if (!errno && end != text && !*end)
    return mask;
  log_message("--%s takes a mask of signals in hexadecimal digits, not '%s'", option, text);
  exit(STATUS_USAGE);
}

static void add_setting(struct preparation *run, char *text, int option) {
  char *equals = strchr(text, '=');
  if (!equals || equals == text || !memchr(text, '.', (size_t)(equals - text)) || strchr(text, '/'))
    usage("--set takes FILE=VALUE, a file of the cgroup such as memory.max, not ", text);
  if (run->setting_count == MAX_SETTINGS)
    usage("too many settings, from this on: ", text);
  *equals = '\0';
  run->settings[run->setting_count++] = (struct setting){
      .file = text, .value = equals + 1, .optional = option == TRY_SET, .in_memory = option == SET_MEMORY};
}

// --key takes two words; getopt gives the first.
static void add_key(struct preparation *run, const char *name, char **words) {
  if (!words[optind])
    usage("--key takes a name and a key", "");
  if (run->key_count == MAX_SETTINGS)
    usage("too many keys, from this on: ", name);
  run->keys[run->key_count++] = (struct key){.name = name, .key = words[optind++]};
}

// Names as src/backend/cgroup/name.ts makes them; `agent` is the directory of a session's own processes.
static const char *check_family(const char *family) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@+,-%=";
  for (const char *name = family;; name++) {
    size_t length = strcspn(name, "/");
    if (!length || length > NAME_MAX || strspn(name, letters) < length ||
        (length == strlen(CORRAL_LEAF) && !strncmp(name, CORRAL_LEAF, length)))
      usage("--place takes names of letters, digits and _@+,-%=, with slashes between them, not ", family);
    name += length;
    if (!*name)
      return family;
  }
}

static void set_option(struct arguments *arguments, int option, char *value, char **words) {
  struct preparation *run = &arguments->run;
  switch (option) {
  case ROOT:
    run->root.path = value;
    break;
  case FAMILY:
    run->family = check_family(value);
    break;
  case SET:
  case TRY_SET:
  case SET_MEMORY:
    add_setting(run, value, option);
    break;
  case MEMORY_GROUP:
    run->memory_group = value;
    break;
  case WATCH_MEMORY:
    run->run.memory_cap = number("watch-memory", value, LLONG_MAX);
    break;
  case KEY:
    add_key(run, value, words);
    break;
  case GRACE:
    run->run.end.grace_ms = number("grace", value, INT_MAX);
    break;
  case DRAIN:
    run->run.end.drain_ms = number("drain", value, INT_MAX);
    break;
  case LIFE:
    run->run.life_ms = number("timeout", value, INT_MAX);
    break;
  case KILL_TIMEOUT:
    run->run.end.kill_ms = number("kill-timeout", value, INT_MAX);
    break;
  case START_TIMEOUT:
    run->run.start_ms = number("start-timeout", value, INT_MAX);
    break;
  case FREEZE:
    run->run.end.freeze = true;
    break;
  case NO_CLONE3:
    run->no_clone3 = true;
    break;
  case GROUP:
    arguments->group = value;
    break;
  case ID:
    arguments->id = number("id", value, LLONG_MAX);
    break;
  case INSTANCE:
    arguments->instance = value;
    break;
  case OWNER:
    arguments->owner = number("owner", value, INT_MAX);
    break;
  case ROOT_FD:
    arguments->root_fd = (int)number("root-fd", value, INT_MAX);
    break;
  case INSTANCE_FD:
    arguments->instance_fd = (int)number("instance-fd", value, INT_MAX);
    break;
  case PROTOCOL:
    arguments->protocol = number("protocol", value, INT_MAX);
    break;
  case SCAN:
    arguments->scan = true;
    break;
  case LOGIN_MARK:
    arguments->login_mark = true;
    break;
  case SUBREAPER:
    arguments->subreaper = true;
    break;
  case DOOR:
    arguments->door = value;
    break;
  case DOOR_OWNER:
    arguments->door_owner = number("door-owner", value, INT_MAX);
    break;
  case LABELS:
    arguments->labels = value;
    break;
  case IGNORED:
    arguments->given.ignored = signals("ignored", value);
    break;
  case BLOCKED:
    arguments->given.blocked = signals("blocked", value);
    break;
  case OPEN_FILES:
    arguments->given.open_files = (uint64_t)number("open-files", value, LLONG_MAX);
    break;
  case LEDGER:
    arguments->ledger.path = value;
    break;
  case RECORD:
    arguments->record = value;
    break;
  case LEDGER_ARGS:
    arguments->ledger.args = true;
    break;
  case STATUS_128:
    run->run.as_status = true;
    break;
  default:
    usage("an option that there is not, or its value is missing; see how it is used: ", words[optind - 1]);
  }
}

static struct arguments parse(int count, char **words) {
  struct arguments arguments = {
      .root_fd = -1,
      .door_owner = geteuid(),
      .given = {NOT_GIVEN, NOT_GIVEN, NOT_GIVEN},
      .instance_fd = -1,
      .run = {.root = {.fd = -1},
              .run = {.end = {.grace_ms = DEFAULT_GRACE_MS, .kill_ms = DEFAULT_KILL_MS},
                      .start_ms = DEFAULT_START_MS}}};
  opterr = 0; // what getopt() prints would show the word as it is
  for (int option; (option = getopt_long(count, words, "+", OPTIONS, NULL)) != -1;)
    set_option(&arguments, option, optarg, words);
  arguments.run.run.command = words + optind;
  return arguments;
}

// Without a number it is 1, and that is understood.
static void check_protocol(const struct arguments *arguments) {
  if (arguments->protocol <= CORRAL_PROTOCOL)
    return;
  log_message("protocol %lld is not known: this is %d, of version %s", arguments->protocol, CORRAL_PROTOCOL,
              CORRAL_VERSION);
  exit(STATUS_PROTOCOL);
}

// For as long as the program lives.
static const struct corral_ledger *ledger_of(const struct arguments *arguments, const char *writer) {
  static struct corral_ledger ledger;
  ledger = arguments->ledger;
  ledger.writer = writer;
  return ledger.path ? &ledger : NULL;
}

// Says on stdout why a ledger cannot be written to: errno and step. In a process of its own, as it may hang.
static int check_ledger(const struct arguments *arguments) {
  struct corral_error error = {0};
  if (!arguments->ledger.path)
    usage("ledger takes --ledger", "");
  if (corral_ledger_append(arguments->ledger.path, "", 0, &error) < 0)
    dprintf(STDOUT_FILENO, "%d %s", error.number, error.operation);
  return 0;
}

static int run_guard(const struct arguments *arguments) {
  check_protocol(arguments);
  const struct preparation *run = &arguments->run;
  if (!run->root.path || !arguments->instance || !arguments->owner)
    usage("guard takes --root, --instance and --owner", "");
  struct corral_end_plan end = run->run.end;
  end.ledger = ledger_of(arguments, "guard");
  guard(&(struct guard_plan){.lifeline = STDIN_FILENO,
                             .protocol = arguments->protocol,
                             .owner = (pid_t)arguments->owner,
                             .root = {.fd = arguments->root_fd, .path = run->root.path},
                             .instance_fd = arguments->instance_fd,
                             .name = arguments->instance,
                             .end = end,
                             .no_clone3 = run->no_clone3});
}

static int run_keep(const struct arguments *arguments) {
  check_protocol(arguments);
  if (!arguments->owner)
    usage("keep takes --owner", "");
  run_keeper(&(struct keeper_plan){.lifeline = STDIN_FILENO,
                                   .reaper = -1,
                                   .owner = (pid_t)arguments->owner,
                                   .kill_ms = arguments->run.run.end.kill_ms,
                                   .scan = arguments->scan});
}

static struct inherited *note_inherited(const struct arguments *arguments) {
  static struct inherited inherited;
  inherited_note(&inherited);
  if (arguments->given.ignored != NOT_GIVEN)
    inherited.ignored = arguments->given.ignored;
  if (arguments->given.blocked != NOT_GIVEN)
    inherited.blocked = arguments->given.blocked;
  if (arguments->given.open_files != NOT_GIVEN)
    inherited.attributes.limits[RLIMIT_NOFILE].soft = arguments->given.open_files;
  return &inherited;
}

// Members are looked for there: those that still work, those that were moved away
static void require_own_proc(void) {
  if (corral_proc_is_own())
    return;
  log_message(
      "/proc is not that of this pid namespace, or not mounted: mount one (mount -t proc proc /proc)");
  exit(STATUS_FAILED);
}

static int run_without_cgroup(const struct arguments *arguments) {
  const struct preparation *run = &arguments->run;
  if (run->root.path || run->setting_count > 0)
    usage("with --subreaper there is no cgroup, and nothing to set in one", "");
  require_own_proc();
  const struct subreaper_run plan = {.run = run->run,
                                     .scan = arguments->scan,
                                     .labels = arguments->labels,
                                     .record = arguments->record,
                                     .door_owner = (uid_t)arguments->door_owner};
  return arguments->door ? enter_subreaper(&plan, arguments->door) : run_subreaper(&plan);
}

// The version on a line of its own, and what the build tells of itself.
static int print_version(void) {
  int told = dprintf(STDOUT_FILENO, "%s\nfor %s, %s build by %s, %s\n", CORRAL_VERSION, CORRAL_CPU,
                     CORRAL_BUILD, CORRAL_COMPILER, CORRAL_BUILT_FOR);
  return told < 0 ? STATUS_FAILED : 0;
}

// A descriptor that is opened later must not come to stand where stdio was not given.
static void fill_stdio(void) {
  int fd;
  while ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0 && fd <= STDERR_FILENO)
    ;
  close(fd);
}

int main(int count, char **words) {
  fill_stdio();
  const char *role = count > 1 ? words[1] : "";
  if (!strcmp(role, "--version"))
    return print_version();
  struct arguments arguments = count > 1 ? parse(count - 1, words + 1) : (struct arguments){0};
  const bool guards = !strcmp(role, "guard") || !strcmp(role, "keep");
  // What enters a cgroup becomes the command, which gets what it would get without us
  if (strcmp(role, "enter") != 0 || arguments.door) {
    if (!guards)
      arguments.run.run.inherited = note_inherited(&arguments);
    corral_keep_exits();
  }
  if (!strcmp(role, "ledger"))
    return check_ledger(&arguments);
  if (!strcmp(role, "guard"))
    return run_guard(&arguments);
  if (!strcmp(role, "keep"))
    return run_keep(&arguments);
  if (strcmp(role, "run") != 0 && strcmp(role, "enter") != 0)
    usage("there is no role ", *role ? role : "given");
  if (!*arguments.run.run.command || !**arguments.run.run.command)
    usage("there is no command to run", "");
  if (!strcmp(role, "enter")) {
    if (arguments.door)
      return run_without_cgroup(&arguments);
    if (!arguments.group || !arguments.id)
      usage("enter takes --group and --id, or --door", "");
    // Where Node became this program (corral exec); else nothing is given
    inherited_restore(arguments.given.ignored, arguments.given.blocked, arguments.given.open_files);
    return enter(arguments.group, (uint64_t)arguments.id, arguments.run.memory_group, arguments.login_mark,
                 arguments.run.run.command);
  }
  if (arguments.subreaper)
    return run_without_cgroup(&arguments);
  if (!arguments.run.root.path)
    usage("run takes --root, a cgroup2 directory to build under, or --subreaper", "");
  require_own_proc();
  static char root[PATH_MAX]; // absolute: the guard has a working directory of its own
  const char *given = arguments.run.root.path;
  if (!realpath(given, root)) {
    log_message("the root %s cannot be had: %s", given, log_reason(errno));
    return STATUS_FAILED;
  }
  arguments.run.root.path = root;
  arguments.run.run.end.ledger = ledger_of(&arguments, "run");
  return run(&arguments.run);
}
