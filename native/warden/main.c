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
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../core/build.h"
#include "../core/children.h"
#include "../core/instance.h"
#include "../core/language.h"
#include "../core/ledger.h"
#include "../core/own_proc.h"
#include "../core/spawn_child.h"
#include "by_hand.h"
#include "enter.h"
#include "guard.h"
#include "keeper.h"
#include "log.h"
#include "run.h"

#define HIGHEST_FDS ((rlim_t)CORRAL_MAX_STDIO + 64) // those of the command, and ours above them
#define DEFAULT_GRACE_MS 1000 // a host such as acpx follows its SIGTERM with SIGKILL 1.5 s later
#define DEFAULT_KILL_MS 10000
#define DEFAULT_START_MS 10000

static const char USAGE[] =
    "usage: corral-warden run --root DIRECTORY [--place NAME[/NAME]...] [--key NAME KEY]...\n"
    "                         [--set|--try-set FILE=VALUE]... [BOUNDS] [--freeze] [--no-clone3]\n"
    "                         [--status-128] [--ledger FILE [--ledger-args]] -- COMMAND [ARGUMENT]...\n"
    "       corral-warden run --subreaper [BOUNDS] [--scan] [--status-128] -- COMMAND [ARGUMENT]...\n"
    "       corral-warden run --plan FD -- COMMAND [ARGUMENT]...            (a block in a pipe)\n"
    "       corral-warden enter --group DIRECTORY --id INODE [--memory-group DIRECTORY] [--login-mark]\n"
    "                         [GIVEN] -- COMMAND [ARGUMENT]...\n"
    "       corral-warden enter --door NAME [--door-owner UID] [BOUNDS] [GIVEN] [--scan]\n"
    "                         -- COMMAND [ARGUMENT]...\n"
    "       corral-warden guard --root DIRECTORY --instance NAME --owner PID [--kill-timeout MS] [--freeze]\n"
    "                         [--no-clone3] [--root-fd FD] [--instance-fd FD]\n"
    "                         [--ledger FILE [--ledger-args]]\n"
    "                         (the lifeline is descriptor 0)\n"
    "       corral-warden keep --owner PID [--kill-timeout MS] [--scan]  (the lifeline is descriptor 0)\n"
    "       corral-warden ledger --ledger FILE\n"
    "       corral-warden --version\n"
    "BOUNDS: [--grace MS] [--drain MS] [--timeout MS] [--kill-timeout MS] [--start-timeout MS]\n"
    "GIVEN: [--ignored MASK] [--blocked MASK] [--open-files N]\n";

struct arguments {
  struct by_hand run;
  const char *group, *memory_group, *instance, *door;
  int64_t id, owner, door_owner, protocol, plan, root_fd, instance_fd; // descriptors: -1: not given
  bool subreaper, login_mark;
};

enum value { FLAG, TEXT, NUMBER, LONG, MASK, FAMILY, SET, TRY_SET, KEY };
#define AT(member) offsetof(struct arguments, member)

static const struct {
  const char *name;
  enum value value;
  size_t at; // in struct arguments
} OPTIONS[] = {
    {"root", TEXT, AT(run.root)},
    {"place", FAMILY, 0},
    {"set", SET, 0},
    {"try-set", TRY_SET, 0},
    {"key", KEY, 0},
    {"grace", NUMBER, AT(run.grace_ms)},
    {"drain", NUMBER, AT(run.drain_ms)},
    {"timeout", NUMBER, AT(run.life_ms)},
    {"kill-timeout", NUMBER, AT(run.kill_ms)},
    {"start-timeout", NUMBER, AT(run.start_ms)},
    {"freeze", FLAG, AT(run.freeze)},
    {"no-clone3", FLAG, AT(run.no_clone3)},
    {"status-128", FLAG, AT(run.as_status)},
    {"scan", FLAG, AT(run.scan)},
    {"subreaper", FLAG, AT(subreaper)},
    {"hold", FLAG, AT(subreaper)}, // of 0.1.0
    {"plan", NUMBER, AT(plan)},
    {"group", TEXT, AT(group)},
    {"memory-group", TEXT, AT(memory_group)},
    {"id", LONG, AT(id)},
    {"login-mark", FLAG, AT(login_mark)},
    {"door", TEXT, AT(door)},
    {"door-owner", NUMBER, AT(door_owner)},
    {"ignored", MASK, AT(run.given.ignored)},
    {"blocked", MASK, AT(run.given.blocked)},
    {"open-files", LONG, AT(run.given.open_files)},
    {"instance", TEXT, AT(instance)},
    {"owner", NUMBER, AT(owner)},
    {"root-fd", NUMBER, AT(root_fd)},
    {"instance-fd", NUMBER, AT(instance_fd)},
    {"protocol", NUMBER, AT(protocol)},
    {"ledger", TEXT, AT(run.ledger.path)},
    {"ledger-args", FLAG, AT(run.ledger.args)},
};
#define OPTION_COUNT (sizeof OPTIONS / sizeof *OPTIONS)

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

static void add_setting(struct by_hand *run, char *text, const char *kind) {
  char *equals = strchr(text, '=');
  if (!equals || equals == text || !memchr(text, '.', (size_t)(equals - text)) || strchr(text, '/'))
    usage("--set takes FILE=VALUE, a file of the cgroup such as memory.max, not ", text);
  if (run->setting_count == MAX_SETTINGS)
    usage("too many settings, from this on: ", text);
  *equals = '\0';
  run->settings[run->setting_count].kind = kind;
  run->settings[run->setting_count].file = text;
  run->settings[run->setting_count++].value = equals + 1;
}

// --key takes two words; getopt gives the first.
static void add_key(struct by_hand *run, const char *name, char **words) {
  if (!words[optind])
    usage("--key takes a name and a key", "");
  if (run->key_count == MAX_SETTINGS)
    usage("too many keys, from this on: ", name);
  run->keys[run->key_count].name = name;
  run->keys[run->key_count++].key = words[optind++];
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

static void set_option(struct arguments *arguments, size_t option, char *text, char **words) {
  const char *name = OPTIONS[option].name;
  void *at = (char *)arguments + OPTIONS[option].at;
  switch (OPTIONS[option].value) {
  case FLAG:
    *(bool *)at = true;
    break;
  case TEXT:
    *(const char **)at = text;
    break;
  case NUMBER:
    *(int64_t *)at = number(name, text, INT_MAX);
    break;
  case LONG:
    *(int64_t *)at = number(name, text, LLONG_MAX);
    break;
  case MASK:
    *(uint64_t *)at = signals(name, text);
    break;
  case FAMILY:
    arguments->run.family = check_family(text);
    break;
  case SET:
    add_setting(&arguments->run, text, "write");
    break;
  case TRY_SET:
    add_setting(&arguments->run, text, "try");
    break;
  case KEY:
    add_key(&arguments->run, text, words);
  }
}

static struct arguments parse(int count, char **words) {
  struct arguments arguments = {.plan = -1,
                                .root_fd = -1,
                                .instance_fd = -1,
                                .door_owner = geteuid(),
                                .run = {.given = {NOT_GIVEN, NOT_GIVEN, NOT_GIVEN},
                                        .grace_ms = DEFAULT_GRACE_MS,
                                        .kill_ms = DEFAULT_KILL_MS,
                                        .start_ms = DEFAULT_START_MS}};
  struct option options[OPTION_COUNT + 1] = {0};
  for (size_t i = 0; i < OPTION_COUNT; i++)
    options[i] = (struct option){OPTIONS[i].name, OPTIONS[i].value != FLAG, NULL, (int)i};
  opterr = 0; // what getopt() prints would show the word as it is
  for (int option; (option = getopt_long(count, words, "+", options, NULL)) != -1;) {
    if (option == '?')
      usage("an option that there is not, or its value is missing; see how it is used: ", words[optind - 1]);
    set_option(&arguments, (size_t)option, optarg, words);
  }
  arguments.run.command = words + optind;
  return arguments;
}

// Without a number it is 1, and that is understood.
static void check_protocol(const struct arguments *arguments) {
  if (arguments->protocol <= CORRAL_PROTOCOL)
    return;
  log_message("protocol %lld is not known: this is %d, of version %s", (long long)arguments->protocol,
              CORRAL_PROTOCOL, CORRAL_VERSION);
  exit(STATUS_PROTOCOL);
}

// For as long as the program lives.
static const struct corral_ledger *ledger_of(const struct arguments *arguments, const char *writer) {
  static struct corral_ledger ledger;
  ledger = arguments->run.ledger;
  ledger.writer = writer;
  return ledger.path ? &ledger : NULL;
}

// Says on stdout why a ledger cannot be written to: errno and step. In a process of its own, as it may hang.
static int check_ledger(const struct arguments *arguments) {
  struct corral_error error = {0};
  if (!arguments->run.ledger.path)
    usage("ledger takes --ledger", "");
  if (corral_ledger_append(arguments->run.ledger.path, "", 0, &error) < 0)
    dprintf(STDOUT_FILENO, "%d %s", error.number, error.operation);
  return 0;
}

static int run_guard(const struct arguments *arguments) {
  check_protocol(arguments);
  const struct by_hand *run = &arguments->run;
  if (!run->root || !arguments->instance || !arguments->owner)
    usage("guard takes --root, --instance and --owner", "");
  guard(&(struct guard_plan){.lifeline = STDIN_FILENO,
                             .protocol = arguments->protocol,
                             .owner = (pid_t)arguments->owner,
                             .root = {.fd = (int)arguments->root_fd, .path = run->root},
                             .instance_fd = (int)arguments->instance_fd,
                             .name = arguments->instance,
                             .end = {.grace_ms = run->grace_ms,
                                     .kill_ms = run->kill_ms,
                                     .freeze = run->freeze,
                                     .ledger = ledger_of(arguments, "guard")},
                             .no_clone3 = run->no_clone3});
}

static int run_keep(const struct arguments *arguments) {
  check_protocol(arguments);
  if (!arguments->owner)
    usage("keep takes --owner", "");
  run_keeper(&(struct keeper_plan){.lifeline = STDIN_FILENO,
                                   .reaper = -1,
                                   .owner = (pid_t)arguments->owner,
                                   .kill_ms = arguments->run.kill_ms,
                                   .scan = arguments->run.scan});
}

// Members are looked for there: those that still work, those that were moved away
static void require_own_proc(void) {
  if (corral_proc_is_own())
    return;
  log_message(
      "/proc is not that of this pid namespace, or not mounted: mount one (mount -t proc proc /proc)");
  exit(STATUS_FAILED);
}

static void check_by_hand(struct arguments *arguments) {
  struct by_hand *run = &arguments->run;
  if (!*run->command || !**run->command)
    usage("there is no command to run", "");
  if (arguments->subreaper || arguments->door) {
    if (run->root || run->setting_count > 0)
      usage("with --subreaper there is no cgroup, and nothing to set in one", "");
    return;
  }
  if (!run->root)
    usage("run takes --root, a cgroup2 directory to build under, or --subreaper", "");
  static char root[PATH_MAX]; // absolute: the guard has a working directory of its own
  if (!realpath(run->root, root)) {
    log_message("the root %s cannot be had: %s", run->root, log_reason(errno));
    exit(STATUS_FAILED);
  }
  run->root = root;
}

// Of ours, as far as we may: up to the hard limit, or past it.
static void raise_limit(int which, rlim_t least) {
  struct rlimit limit = {0};
  getrlimit(which, &limit);
  const rlim_t most = limit.rlim_max;
  limit.rlim_cur = limit.rlim_max = most < least ? least : most;
  if (setrlimit(which, &limit) == 0)
    return;
  limit.rlim_cur = limit.rlim_max = most;
  (void)setrlimit(which, &limit);
}

static int run_command(struct arguments *arguments) {
  static struct run_plan plan;
  char *block = NULL;
  size_t size;
  int answer;
  if (arguments->plan >= 0)
    answer = run_plan_receive((int)arguments->plan, arguments->run.command, &plan);
  else {
    check_by_hand(arguments);
    block = by_hand_block(&arguments->run, &size);
    answer = block ? run_plan_read(block, size, arguments->run.command, &plan) : -errno;
  }
  if (answer < 0) {
    log_message("the plan of the command cannot be read: %s", log_reason(-answer));
    return STATUS_FAILED;
  }
  raise_limit(RLIMIT_NOFILE, HIGHEST_FDS);  // we need a few more than the command
  raise_limit(RLIMIT_FSIZE, RLIM_INFINITY); // and a reaper gets its plan as a file
  corral_keep_exits();
  require_own_proc();
  if (arguments->door)
    return enter_subreaper(&plan, arguments->door, (uid_t)arguments->door_owner);
  return *plan.root ? run(&plan) : run_subreaper(&plan);
}

static int run_enter(const struct arguments *arguments) {
  if (!*arguments->run.command || !**arguments->run.command)
    usage("there is no command to run", "");
  if (!arguments->group || !arguments->id)
    usage("enter takes --group and --id, or --door", "");
  // Where Node became this program (corral exec); else nothing is given
  given_restore(&arguments->run.given);
  return enter(arguments->group, (uint64_t)arguments->id, arguments->memory_group, arguments->login_mark,
               arguments->run.command);
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
  if (!strcmp(role, "run"))
    return run_command(&arguments);
  // What enters a cgroup becomes the command, which gets what it would get without us
  if (!strcmp(role, "enter"))
    return arguments.door ? run_command(&arguments) : run_enter(&arguments);
  if (!strcmp(role, "ledger"))
    return check_ledger(&arguments);
  corral_keep_exits();
  if (!strcmp(role, "guard"))
    return run_guard(&arguments);
  if (!strcmp(role, "keep"))
    return run_keep(&arguments);
  usage("there is no role ", *role ? role : "given");
}
