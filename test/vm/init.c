// Pid 1 of the guests of test/vm/run: lays a writable overlay over the shared root file system, mounts what a
// system has, has the job run in a cgroup of its own, leaves its exit status in the job's directory, and
// switches the machine off. In C and static, because it runs before there is anything else, and each program
// that a shell would start takes a tenth of a second when it is emulated. From the kernel's command line:
//   corral.job=DIRECTORY  what to run: stage2, and io/, which the other machine reads
//   corral.overlay=FILE   User Mode Linux only: the module, and that the root is already mounted
//   corral.tree=DIRECTORY User Mode Linux only: a Debian tree that is the root instead; the shared one is
//                         at /host then, and systemd takes over and runs the job (stage2-systemd)
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define SLICE "/sys/fs/cgroup/vm"
#define GROUP SLICE "/job"
#define HOST "/host"
#define JOB "/run/corral-vm"

static _Noreturn void switch_off(void) {
  sync();
  reboot(RB_POWER_OFF);
  for (;;)
    pause();
}

static _Noreturn void fail(const char *what) {
  fprintf(stderr, "init: %s: %s\n", what, strerror(errno));
  switch_off();
}

static void need(bool done, const char *what) {
  if (!done)
    fail(what);
}

static void mount_at(const char *type, const char *directory, const char *options) {
  mkdir(directory, 0755);
  if (mount(type, directory, type, 0, options) < 0 && errno != EBUSY)
    fail(directory);
}

// The value of name=value on the kernel's command line, or NULL.
static const char *parameter(const char *name, char *value, size_t size) {
  char line[4096] = "";
  int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
  need(fd >= 0 && read(fd, line, sizeof line - 1) > 0, "/proc/cmdline");
  close(fd);
  for (char *rest, *word = strtok_r(line, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
    size_t length = strlen(name);
    if (strncmp(word, name, length) != 0 || word[length] != '=')
      continue;
    snprintf(value, size, "%s", word + length + 1);
    return value;
  }
  return NULL;
}

static void load(const char *module) {
  int fd = open(module, O_RDONLY | O_CLOEXEC);
  need(fd >= 0 && syscall(SYS_finit_module, fd, "", 0) == 0, module);
  close(fd);
}

// Those of the initramfs, in the order of their names.
static void load_all(const char *directory) {
  struct dirent **entries;
  int count = scandir(directory, &entries, NULL, alphasort);
  need(count >= 0, directory);
  for (int i = 0; i < count; i++) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", directory, entries[i]->d_name);
    if (entries[i]->d_name[0] != '.')
      load(path);
  }
}

// `new_root`: `lower` with what is written to it in `memory`, which is a directory yet to be made of a tmpfs.
static void lay_overlay(const char *lower, const char *memory, const char *new_root) {
  char upper[64], work[64], options[1024];
  snprintf(upper, sizeof upper, "%s/upper", memory);
  snprintf(work, sizeof work, "%s/work", memory);
  need(mkdir(memory, 0755) == 0 && mkdir(upper, 0755) == 0 && mkdir(work, 0755) == 0, memory);
  mkdir(new_root, 0755);
  snprintf(options, sizeof options, "lowerdir=%s,upperdir=%s,workdir=%s", lower, upper, work);
  need(mount("overlay", new_root, "overlay", 0, options) == 0, "overlay");
}

// The root is the other machine's, read-only, or a tree in it. /mnt is a directory that is sure to be there.
static void enter_on_hostfs(const char *overlay_module, const char *tree, const char *io) {
  load(overlay_module);
  umount2("/proc", MNT_DETACH);
  need(mount("tmpfs", "/mnt", "tmpfs", 0, "size=75%") == 0, "/mnt");
  lay_overlay(tree ? tree : "/", "/mnt/memory", "/mnt/new");
  if (tree)
    lay_overlay("/", "/mnt/host", "/mnt/new" HOST);
  mkdir("/mnt/new/old", 0755);
  need(chdir("/mnt/new") == 0 && syscall(SYS_pivot_root, ".", "old") == 0 && chdir("/") == 0, "pivot_root");
  umount2("/old", MNT_DETACH);
  rmdir("/old");
  char here[300];
  snprintf(here, sizeof here, "%s%s", tree ? HOST : "", io);
  need(mount("none", here, "hostfs", 0, io) == 0, io);
}

// The root is an initramfs, and the other machine's comes by virtiofs.
static void enter_on_virtiofs(const char *io) {
  char from[300], to[300];
  mount_at("devtmpfs", "/dev", NULL);
  load_all("/modules");
  mkdir("/lower", 0755);
  mkdir("/memory", 0755);
  need(mount("tmpfs", "/memory", "tmpfs", 0, "size=75%") == 0, "/memory");
  for (int attempt = 0; mount("root", "/lower", "virtiofs", 0, NULL) < 0; attempt++) {
    need(attempt < 500, "virtiofs"); // the device is found a moment after its driver is loaded
    usleep(10000);
  }
  lay_overlay("/lower", "/memory/new", "/new");
  snprintf(from, sizeof from, "/lower%s", io);
  snprintf(to, sizeof to, "/new%s", io);
  need(mount(from, to, NULL, MS_BIND, NULL) == 0, io);
  umount2("/proc", MNT_DETACH);
  umount2("/dev", MNT_DETACH);
  need(chdir("/new") == 0 && mount(".", "/", NULL, MS_MOVE, NULL) == 0 && chroot(".") == 0 && chdir("/") == 0,
       "the new root");
}

static void mount_the_usual(void) {
  mount_at("proc", "/proc", NULL);
  mount_at("sysfs", "/sys", NULL);
  mount_at("devtmpfs", "/dev", NULL);
  mount_at("devpts", "/dev/pts", "mode=620,ptmxmode=666");
  mount_at("tmpfs", "/dev/shm", "mode=1777");
  mount_at("tmpfs", "/run", "mode=755");
  mount_at("cgroup2", "/sys/fs/cgroup", "nsdelegate"); // as systemd does
  bool linked = symlink("/proc/self/fd", "/dev/fd") == 0 && symlink("fd/0", "/dev/stdin") == 0 &&
                symlink("fd/1", "/dev/stdout") == 0 && symlink("fd/2", "/dev/stderr") == 0;
  need(linked || errno == EEXIST, "/dev/fd");
}

static void start_loopback(void) {
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  need(fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0, "lo");
  close(fd);
}

static void open_line(const char *device, int as) {
  int fd = open(device, O_WRONLY | O_NOCTTY);
  need(fd >= 0 && dup2(fd, as) == as, device);
  close(fd);
  struct termios mode;
  if (tcgetattr(as, &mode) < 0)
    return; // no terminal, but a serial port of virtio
  cfmakeraw(&mode);
  tcsetattr(as, TCSANOW, &mode);
}

// A process that copies a pipe, whose writing end it gives, to `line`: the job is to see pipes, as anywhere
// else.
static pid_t relay(int line, int *writing_end) {
  int ends[2];
  need(pipe2(ends, O_CLOEXEC) == 0, "pipe");
  *writing_end = ends[1];
  pid_t pid = fork();
  need(pid >= 0, "fork");
  if (pid > 0) {
    close(ends[0]);
    return pid;
  }
  close(ends[1]);
  static char buffer[1 << 16];
  for (ssize_t got; (got = read(ends[0], buffer, sizeof buffer)) > 0;)
    for (ssize_t done = 0, written; done < got; done += written)
      if ((written = write(line, buffer + done, (size_t)(got - done))) <= 0)
        _exit(1);
  if (isatty(line))
    tcdrain(line);
  _exit(0);
}

static pid_t start(const char *job, int out, int err) {
  char stage2[300];
  snprintf(stage2, sizeof stage2, "%s/stage2", job);
  pid_t pid = fork();
  need(pid >= 0, "fork");
  if (pid > 0)
    return pid;
  int procs = open(GROUP "/cgroup.procs", O_WRONLY | O_CLOEXEC);
  need(procs >= 0 && write(procs, "0", 1) == 1, GROUP);
  setsid();
  dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  char *argv[] = {"/bin/bash", stage2, (char *)job, GROUP, NULL};
  char *environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
                         NULL};
  execve(argv[0], argv, environment);
  fail(argv[0]);
}

// Collects orphans, as pid 1 has to, until the job itself ends.
static int ended(pid_t job) {
  int status = 0;
  for (pid_t pid; (pid = wait(&status)) != job;)
    need(pid >= 0 || errno == EINTR, "wait");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Whoever the job left would hold its stdout open: this machine is over, so all but the relays go.
static void end_all_but(pid_t one, pid_t other) {
  DIR *processes = opendir("/proc");
  need(processes != NULL, "/proc");
  for (struct dirent *entry; (entry = readdir(processes));) {
    pid_t pid = (pid_t)atoi(entry->d_name);
    if (pid > 1 && pid != one && pid != other)
      kill(pid, SIGKILL);
  }
  closedir(processes);
}

static void leave_status(const char *io, int status) {
  char path[300];
  snprintf(path, sizeof path, "%s/status", io);
  FILE *file = fopen(path, "w");
  need(file && fprintf(file, "%d\n", status) > 0 && fclose(file) == 0, path);
}

// Boots to the one service that runs the job, and to what that needs.
static _Noreturn void become_systemd(const char *job) {
  char here[300];
  snprintf(here, sizeof here, HOST "%s", job);
  need(symlink(here, JOB) == 0, JOB);
  need(umount("/sys/fs/cgroup") == 0, "/sys/fs/cgroup"); // it mounts what the kernel's command line says
  open_line("/dev/tty1", STDOUT_FILENO);                 // makes them raw
  open_line("/dev/tty2", STDOUT_FILENO);
  open_line("/dev/console", STDOUT_FILENO);
  char *argv[] = {"/lib/systemd/systemd", "--unit=corral-vm.service", "--show-status=no",
                  "--log-level=warning",  "--log-target=console",     NULL};
  execv(argv[0], argv);
  fail(argv[0]);
}

int main(void) {
  if (getpid() != 1)
    return fprintf(stderr, "init: only as pid 1\n"), 2;
  char job[256], io[280], overlay[512], tree[512];
  mount_at("proc", "/proc", NULL);
  need(parameter("corral.job", job, sizeof job), "corral.job");
  bool hostfs = parameter("corral.overlay", overlay, sizeof overlay);
  bool systemd = parameter("corral.tree", tree, sizeof tree);
  snprintf(io, sizeof io, "%s/io", job);
  if (hostfs)
    enter_on_hostfs(overlay, systemd ? tree : NULL, io);
  else
    enter_on_virtiofs(io);
  mount_the_usual();
  start_loopback();
  if (systemd)
    become_systemd(job);
  need(mkdir(SLICE, 0755) == 0 && mkdir(GROUP, 0755) == 0, GROUP);

  enum { OUT_LINE = 10, ERR_LINE };
  open_line(hostfs ? "/dev/tty1" : "/dev/vport0p1", OUT_LINE);
  open_line(hostfs ? "/dev/tty2" : "/dev/vport0p2", ERR_LINE);
  int out, err;
  pid_t out_relay = relay(OUT_LINE, &out), err_relay = relay(ERR_LINE, &err);
  pid_t pid = start(job, out, err);
  close(out);
  close(err);
  int status = ended(pid);
  end_all_but(out_relay, err_relay);
  while (wait(NULL) > 0 || errno == EINTR)
    ; // the relays too: until all is written
  leave_status(io, status);
  switch_off();
}
