// What a program inherits, a property a line: "name value". `inherited odd COMMAND…` first makes itself an
// unusual place to be started from, and then becomes COMMAND, in which the word BYTES is one that is no
// UTF-8.
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define KEYCTL_GET_KEYRING_ID 0
#define SESSION_KEYRING (-3)
#define IOPRIO_WHO_PROCESS 1
#define BEST_EFFORT_6 ((2 << 13) | 6)

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

static void own_pid(const char *name) {
  const char *value = getenv(name);
  printf("%s %s\n", name, !value ? "unset" : atoi(value) == getpid() ? "its own" : "another's");
}

static int tell(int count, char **words) {
  static const char *const status[] = {"SigBlk", "SigIgn",       "CapInh",     "CapPrm",  "CapEff",
                                       "CapBnd", "CapAmb",       "Groups",     "Umask",   "Uid",
                                       "Gid",    "Cpus_allowed", "NoNewPrivs", "Seccomp", NULL};
  descriptors();
  for (int i = 0; i < count; i++)
    bytes("argv", i, words[i]);
  for (int i = 0; environ[i]; i++)
    if (strncmp(environ[i], "LISTEN_PID=", 11) != 0 && strncmp(environ[i], "WATCHDOG_PID=", 13) != 0)
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
  printf("keyring %ld\n", syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, SESSION_KEYRING, 0));
  first_line("oom_score_adj", "/proc/self/oom_score_adj");
  first_line("coredump_filter", "/proc/self/coredump_filter");
  char directory[4096];
  ssize_t length = readlink("/proc/self/cwd", directory, sizeof directory - 1);
  directory[length > 0 ? length : 0] = '\0';
  printf("cwd %s\n", directory);
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

static int odd(char **command) {
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
  umask(027);
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
  for (char **word = command; *word; word++)
    if (!strcmp(*word, "BYTES"))
      *word = "a\xff\xfe\xe9z";
  execvp(command[0], command);
  return 127;
}

int main(int count, char **words) {
  return count > 2 && !strcmp(words[1], "odd") ? odd(words + 2) : tell(count, words);
}
