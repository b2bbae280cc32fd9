// What a program inherits, a property a line: "name value". `inherited odd KIND COMMAND…` first makes itself
// an unusual place to be started from, and then becomes COMMAND, in which the word BYTES is one that is no
// UTF-8. With the KIND `bare` it also has few rights left, its directory is gone, and it has variables that
// no shell makes; `usual` adds nothing.
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <termios.h>
#include <unistd.h>

#define KEYCTL_GET_KEYRING_ID 0
#define KEYCTL_JOIN_SESSION_KEYRING 1
#define SESSION_KEYRING (-3)
#define IOPRIO_WHO_PROCESS 1
#define BEST_EFFORT_6 ((2 << 13) | 6)

// As the launcher, which is a shell script, could use for itself
static const char *const SHORT_NAMES[] = {"name",  "value", "fd",      "fds",     "flags",
                                          "limit", "soft",  "hard",    "max",     "rest",
                                          "open",  "line",  "ignored", "blocked", NULL};

extern char **environ;

static void bytes(const char *name, int index, const char *text) {
  printf("%s%d ", name, index);
  for (const unsigned char *at = (const unsigned char *)text; *at; at++)
    printf("%02x", *at);
  printf("\n");
}

// The lines of a file of /proc/self that begin so.
static void lines(const char *file, const char *const *names) {
  char line[4096];
  FILE *text = fopen(file, "r");
  while (text && fgets(line, sizeof line, text))
    for (const char *const *name = names; *name; name++)
      if (!strncmp(line, *name, strlen(*name)) && line[strlen(*name)] == ':') {
        line[strcspn(line, "\n")] = '\0';
        printf("%s %s\n", *name, line + strlen(*name) + 1);
      }
  if (text)
    fclose(text);
}

static void first_line(const char *name, const char *file) {
  char line[256] = "";
  FILE *text = fopen(file, "r");
  if (text && !fgets(line, sizeof line, text))
    line[0] = '\0';
  line[strcspn(line, "\n")] = '\0';
  printf("%s %s\n", name, line);
  if (text)
    fclose(text);
}

static void descriptors(void) {
  for (int fd = 0; fd < 1024; fd++) {
    int flags = fcntl(fd, F_GETFL), own = fcntl(fd, F_GETFD);
    struct stat found;
    if (flags < 0 || fstat(fd, &found) < 0)
      continue;
    printf("fd%d flags %o, %s, type %o\n", fd, flags, own & FD_CLOEXEC ? "closed on exec" : "kept",
           found.st_mode & S_IFMT);
  }
}

// Of the terminal, and where this stands in it: of CORRAL_TEST_STARTED, the process that was started.
static void terminal(void) {
  const char *told = getenv("CORRAL_TEST_STARTED");
  pid_t started = told ? (pid_t)strtol(told, NULL, 10) : 0;
  if (!started)
    return;
  int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
  printf("controlling terminal %s\n", tty < 0 ? strerror(errno) : ttyname(STDIN_FILENO));
  printf("terminal session %s\n", getsid(0) == started ? "of what was started" : "another");
  printf("process group %s\n", getpgrp() == started ? "of what was started" : "another");
  printf("foreground %s\n", tty >= 0 && tcgetpgrp(tty) == getpgrp() ? "yes" : "no");
  struct termios modes = {0};
  struct winsize size = {0};
  (void)tcgetattr(STDIN_FILENO, &modes);
  (void)ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
  printf("termios %x %x %x %x\nsize %dx%d\n", modes.c_iflag, modes.c_oflag, modes.c_cflag, modes.c_lflag,
         size.ws_col, size.ws_row);
  if (tty >= 0)
    close(tty);
}

static void namespaces(void) {
  static const char *const names[] = {"ipc", "mnt", "net", "pid", "user", "uts", "time", NULL};
  for (const char *const *name = names; *name; name++) {
    char file[64], link[64];
    snprintf(file, sizeof file, "/proc/self/ns/%s", *name);
    ssize_t length = readlink(file, link, sizeof link - 1);
    link[length > 0 ? length : 0] = '\0';
    printf("namespace-%s %s\n", *name, link);
  }
}

static void own_pid(const char *name) {
  const char *value = getenv(name);
  printf("%s %s\n", name, !value ? "unset" : atoi(value) == getpid() ? "its own" : "another's");
}

// Variables that cannot be the same in two runs: what they say is compared instead.
static bool differs_by_run(const char *variable) {
  static const char *const names[] = {
      "LISTEN_PID=", "WATCHDOG_PID=", "CORRAL_TEST_STARTED=", "CORRAL_TEST_KEYRING=", NULL};
  for (const char *const *name = names; *name; name++)
    if (!strncmp(variable, *name, strlen(*name)))
      return true;
  return false;
}

static int tell(int count, char **words) {
  static const char *const status[] = {"SigBlk", "SigIgn",       "CapInh",     "CapPrm",  "CapEff",
                                       "CapBnd", "CapAmb",       "Groups",     "Umask",   "Uid",
                                       "Gid",    "Cpus_allowed", "NoNewPrivs", "Seccomp", NULL};
  descriptors();
  for (int i = 0; i < count; i++)
    bytes("argv", i, words[i]);
  for (int i = 0; environ[i]; i++)
    if (!differs_by_run(environ[i]))
      bytes("env", i, environ[i]);
  own_pid("LISTEN_PID");
  own_pid("WATCHDOG_PID");
  lines("/proc/self/status", status);
  for (int i = 0; i < RLIM_NLIMITS; i++) {
    struct rlimit limit;
    if (getrlimit(i, &limit) == 0)
      printf("rlimit%d %llu %llu\n", i, (unsigned long long)limit.rlim_cur,
             (unsigned long long)limit.rlim_max);
  }
  errno = 0;
  printf("nice %d\npolicy %d\n", getpriority(PRIO_PROCESS, 0), sched_getscheduler(0));
  printf("ioprio %ld\n", syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0));
  printf("timerslack %d\n", prctl(PR_GET_TIMERSLACK));
  printf("personality %x\n", (unsigned)personality(0xffffffff));
  const char *keyring = getenv("CORRAL_TEST_KEYRING");
  long serial = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, SESSION_KEYRING, 0);
  printf("keyring %s\n", keyring && strtol(keyring, NULL, 10) == serial ? "as given" : "another");
  int ends_with = 0;
  prctl(PR_GET_PDEATHSIG, &ends_with);
  printf("parent's-end %d\nthp-disabled %d\nsecurebits %d\ndumpable %d\n", ends_with,
         prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), prctl(PR_GET_SECUREBITS), prctl(PR_GET_DUMPABLE));
  terminal();
  namespaces();
  first_line("oom_score_adj", "/proc/self/oom_score_adj");
  first_line("coredump_filter", "/proc/self/coredump_filter");
  char directory[4096];
  ssize_t length = readlink("/proc/self/cwd", directory, sizeof directory - 1);
  directory[length > 0 ? length : 0] = '\0';
  printf("cwd %s\n", strstr(directory, " (deleted)") ? "deleted" : directory);
  struct utsname host;
  uname(&host);
  printf("hostname %s\n", host.nodename);
  return 0;
}

static void open_at(int fd, int flags) {
  int opened = open("/dev/null", flags);
  dup2(opened, fd);
  if (opened != fd)
    close(opened);
}

// Soft limits that leave enough room for Node.
static void lower(int resource, rlim_t soft) {
  struct rlimit limit;
  getrlimit(resource, &limit);
  limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
  setrlimit(resource, &limit);
}

// As a service is that was given no more than it needs.
static void hand_in_rights(void) {
  static const int kept[] = {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_KILL, CAP_NET_BIND_SERVICE, -1};
  static const gid_t groups[] = {1234, 5678};
  (void)!setgroups(2, groups);
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct sets[2] = {0};
  for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++) {
    bool keeps = false;
    for (const int *one = kept; *one >= 0; one++)
      keeps |= *one == cap;
    if (keeps)
      sets[CAP_TO_INDEX(cap)].permitted |= CAP_TO_MASK(cap);
    else
      prctl(PR_CAPBSET_DROP, cap);
  }
  for (int i = 0; i < 2; i++)
    sets[i].effective = sets[i].inheritable = sets[i].permitted;
  syscall(SYS_capset, &header, sets);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

// Variables as no shell makes them: one name twice, a name that is no word, one without a value.
static char **strange_variables(void) {
  static char *all[4096];
  size_t count = 0;
  while (environ[count] && count < 4090) {
    all[count] = environ[count];
    count++;
  }
  all[count++] = "CORRAL_TEST_TWICE=1";
  all[count++] = "CORRAL_TEST_TWICE=2";
  all[count++] = "corral.test=dot";
  all[count] = NULL;
  return all;
}

static int odd(const char *kind, char **command) {
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR2);
  sigaddset(&blocked, SIGRTMIN + 3);
  sigprocmask(SIG_SETMASK, &blocked, NULL);
  signal(SIGHUP, SIG_IGN);
  signal(SIGQUIT, SIG_IGN);
  signal(SIGRTMIN + 4, SIG_IGN);
  open_at(3, O_RDONLY);
  open_at(4, O_WRONLY | O_APPEND);
  open_at(63, O_RDWR | O_NONBLOCK);
  lower(RLIMIT_NOFILE, 300);
  lower(RLIMIT_CORE, 4096);
  lower(RLIMIT_FSIZE, (rlim_t)1 << 40);
  lower(RLIMIT_STACK, (rlim_t)4 << 20);
  lower(RLIMIT_MEMLOCK, 65536);
  lower(RLIMIT_CPU, 100000);
  (void)!nice(3);
  syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, BEST_EFFORT_6);
  cpu_set_t first;
  CPU_ZERO(&first);
  CPU_SET(0, &first);
  sched_setaffinity(0, sizeof first, &first);
  prctl(PR_SET_TIMERSLACK, 123456);
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  umask(027);
  char keyring[16];
  snprintf(keyring, sizeof keyring, "%ld", syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL));
  setenv("CORRAL_TEST_KEYRING", keyring, 1);
  personality(ADDR_NO_RANDOMIZE);
  FILE *score = fopen("/proc/self/oom_score_adj", "w");
  if (score && fprintf(score, "300") > 0)
    fclose(score);
  FILE *filter = fopen("/proc/self/coredump_filter", "w");
  if (filter && fprintf(filter, "0x1") > 0)
    fclose(filter);
  char pid[16];
  snprintf(pid, sizeof pid, "%d", getpid());
  setenv("LISTEN_PID", pid, 1);
  setenv("LISTEN_FDS", "2", 1);
  setenv("WATCHDOG_PID", "1", 1);
  setenv("NOTIFY_SOCKET", "/run/none", 1);
  setenv("NODE_OPTIONS", "--no-warnings", 1);
  setenv("CORRAL_TEST_BYTES", "\xff\xfe\xe9", 1);
  for (const char *const *name = SHORT_NAMES; *name; name++)
    setenv(*name, "its own", 1);
  for (char **word = command; *word; word++)
    if (!strcmp(*word, "BYTES"))
      *word = "a\xff\xfe\xe9z";
  if (strcmp(kind, "bare") != 0)
    execvp(command[0], command);
  hand_in_rights();
  char gone[] = "/tmp/corral-gone-XXXXXX";
  if (!mkdtemp(gone) || chdir(gone) < 0 || rmdir(gone) < 0)
    return 126;
  execvpe(command[0], command, strange_variables());
  return 127;
}

int main(int count, char **words) {
  return count > 3 && !strcmp(words[1], "odd") ? odd(words[2], words + 3) : tell(count, words);
}
