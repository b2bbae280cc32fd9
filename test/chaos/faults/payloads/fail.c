// Preloaded into a gateway (LD_PRELOAD): makes one of its calls fail, the one that a control file names
// (control.h). Calls are ours when the addon makes them, or when they are made on a path below the root, or
// on a descriptor that came of such a call. All others, and all of other programs, go through.
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "control.h"

#define DESCRIPTORS 4096

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static struct control *control;
static char labels[DESCRIPTORS][LABEL]; // of descriptors that are ours

__attribute__((constructor)) static void open_control(void) {
  const char *path = getenv("CORRAL_FAULTS");
  int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0)
    return;
  struct control *mapped = mmap(NULL, sizeof *mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  (void)syscall(SYS_close, fd);
  // What the gateway starts inherits the variable, and is not meant
  if (mapped != MAP_FAILED && __sync_bool_compare_and_swap(&mapped->pid, 0, getpid()))
    control = mapped;
}

static bool by_addon(const void *caller) {
  uintptr_t at = (uintptr_t)caller;
  return control && at >= control->text_start && at < control->text_end;
}

// A path without what differs from run to run: the root, an instance's name, a pid.
static void normalize(const char *path, char *label, size_t size) {
  size_t root = strlen(control->root), twin = strlen(control->twin), at = 0;
  if (root && !strncmp(path, control->root, root) && (path[root] == '/' || !path[root]))
    path += root, at = (size_t)snprintf(label, size, "ROOT");
  else if (twin && !strncmp(path, control->twin, twin))
    path += twin, at = (size_t)snprintf(label, size, "V1/");
  while (*path && at + 2 < size) {
    bool begins = at == 0 || label[at - 1] == '/' || label[at - 1] == '-';
    size_t hex = begins && *path == 'i' ? strspn(path + 1, "0123456789abcdef") : 0;
    size_t digits = strspn(path, "0123456789");
    if (hex == 10)
      label[at++] = 'I', path += 11;
    else if (digits)
      label[at++] = 'N', path += digits;
    else
      label[at++] = *path++;
  }
  label[at] = '\0';
}

static bool is_below_root(const char *path) {
  size_t root = strlen(control->root), twin = strlen(control->twin);
  return (root && !strncmp(path, control->root, root)) || (twin && !strncmp(path, control->twin, twin));
}

static void keep_label(int fd, const char *label) {
  if (fd >= 0 && fd < DESCRIPTORS)
    snprintf(labels[fd], LABEL, "%s", label ? label : "");
}

// Notes a call of ours, and tells whether it is the one that has to fail.
static bool strikes(const char *function, const char *what) {
  char label[LABEL];
  if (!control->mode)
    return false;
  size_t length = (size_t)snprintf(label, sizeof label, "%s %s\n", function, what);
  if (length >= sizeof label)
    length = sizeof label - 1, label[length - 1] = '\n';
  if (control->mode == RECORD) {
    uint32_t at = __sync_fetch_and_add(&control->length, (uint32_t)length);
    if (at + length < sizeof control->record)
      memcpy((char *)control->record + at, label, length);
    return false;
  }
  label[length - 1] = '\0';
  if (strcmp(label, (const char *)control->target) != 0)
    return false;
  uint32_t seen = __sync_add_and_fetch(&control->seen, 1);
  if (control->mode == FAIL_ONCE ? seen != control->nth : seen < control->nth)
    return false;
  __sync_fetch_and_add(&control->fired, 1);
  errno = control->number;
  return true;
}

static bool path_strikes(const char *function, const char *path, const void *caller, char label[LABEL]) {
  label[0] = '\0';
  if (!control || !path || !(by_addon(caller) || is_below_root(path)))
    return false;
  normalize(path, label, LABEL);
  return strikes(function, label);
}

static bool at_strikes(const char *function, int fd, const char *path, const void *caller,
                       char label[LABEL]) {
  char below[LABEL];
  label[0] = '\0';
  if (fd == AT_FDCWD || !path || *path == '/')
    return path_strikes(function, path, caller, label);
  if (!control || fd < 0 || fd >= DESCRIPTORS || !(by_addon(caller) || labels[fd][0]))
    return false;
  normalize(path, below, sizeof below);
  (void)!snprintf(label, LABEL, "%.150s/%.80s", labels[fd], below);
  return strikes(function, label);
}

static bool fd_strikes(const char *function, int fd, const void *caller) {
  if (!control || fd < 0 || fd >= DESCRIPTORS || !(by_addon(caller) || labels[fd][0]))
    return false;
  return strikes(function, labels[fd]);
}

static bool plain_strikes(const char *function, const void *caller) {
  return by_addon(caller) && strikes(function, "");
}

#define CALLER __builtin_return_address(0)
#define REAL(name)                                                                                           \
  static __typeof__(&(name)) real;                                                                           \
  if (!real)                                                                                                 \
  *(void **)&real = dlsym(RTLD_NEXT, #name)

// A call on a path, or a descriptor, or nothing, that fails with -1.
#define ON_PATH(result, name, path, parameters, arguments)                                                   \
  result name parameters {                                                                                   \
    REAL(name);                                                                                              \
    char label[LABEL];                                                                                       \
    return path_strikes(#name, path, CALLER, label) ? -1 : real arguments;                                   \
  }
#define ON_AT(result, name, path, parameters, arguments)                                                     \
  result name parameters {                                                                                   \
    REAL(name);                                                                                              \
    char label[LABEL];                                                                                       \
    return at_strikes(#name, fd, path, CALLER, label) ? -1 : real arguments;                                 \
  }
#define ON_FD(result, name, parameters, arguments)                                                           \
  result name parameters {                                                                                   \
    REAL(name);                                                                                              \
    return fd_strikes(#name, fd, CALLER) ? -1 : real arguments;                                              \
  }
#define MAKES_FD(name, parameters, arguments)                                                                \
  int name parameters {                                                                                      \
    REAL(name);                                                                                              \
    if (plain_strikes(#name, CALLER))                                                                        \
      return -1;                                                                                             \
    int fd = real arguments;                                                                                 \
    keep_label(fd, by_addon(CALLER) ? #name : "");                                                           \
    return fd;                                                                                               \
  }

ON_PATH(int, mkdir, path, (const char *path, mode_t mode), (path, mode))
ON_PATH(int, rmdir, path, (const char *path), (path))
ON_PATH(int, statfs64, path, (const char *path, struct statfs64 *found), (path, found))
ON_PATH(int, access, path, (const char *path, int how), (path, how))
ON_PATH(int, stat, path, (const char *path, struct stat *found), (path, found))
ON_PATH(int, setxattr, path, (const char *path, const char *name, const void *value, size_t size, int flags),
        (path, name, value, size, flags))
ON_PATH(ssize_t, getxattr, path, (const char *path, const char *name, void *value, size_t size),
        (path, name, value, size))
ON_AT(int, unlinkat, path, (int fd, const char *path, int flags), (fd, path, flags))
ON_AT(int, faccessat, path, (int fd, const char *path, int how, int flags), (fd, path, how, flags))
ON_FD(ssize_t, read, (int fd, void *to, size_t size), (fd, to, size))
ON_FD(ssize_t, write, (int fd, const void *from, size_t size), (fd, from, size))
ON_FD(ssize_t, pread, (int fd, void *to, size_t size, off_t at), (fd, to, size, at))
ON_FD(ssize_t, pread64, (int fd, void *to, size_t size, off64_t at), (fd, to, size, at))
ON_FD(int, fstat, (int fd, struct stat *found), (fd, found))
ON_FD(int, flock, (int fd, int how), (fd, how))
ON_FD(off_t, lseek, (int fd, off_t to, int how), (fd, to, how))
ON_FD(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
ON_FD(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags))
ON_FD(int, inotify_add_watch, (int fd, const char *path, uint32_t mask), (fd, path, mask))
MAKES_FD(epoll_create1, (int flags), (flags))
MAKES_FD(eventfd, (unsigned count, int flags), (count, flags))
MAKES_FD(memfd_create, (const char *name, unsigned flags), (name, flags))

// Node's own are not ours by any path; but the first of them is made for us.
int inotify_init1(int flags) {
  REAL(inotify_init1);
  if (control && control->text_end && strikes("inotify_init1", ""))
    return -1;
  int fd = real(flags);
  keep_label(fd, "inotify");
  return fd;
}

int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event) {
  REAL(epoll_ctl);
  if (control && by_addon(CALLER) && operation == EPOLL_CTL_ADD && fd_strikes("epoll_ctl", fd, CALLER))
    return -1;
  return real(epoll, operation, fd, event);
}

#define OPEN(name)                                                                                           \
  int name(const char *path, int flags, ...) {                                                               \
    REAL(name);                                                                                              \
    char label[LABEL];                                                                                       \
    va_list more;                                                                                            \
    va_start(more, flags);                                                                                   \
    mode_t mode = va_arg(more, mode_t);                                                                      \
    va_end(more);                                                                                            \
    if (path_strikes("open", path, CALLER, label))                                                           \
      return -1;                                                                                             \
    int fd = real(path, flags, mode);                                                                        \
    keep_label(fd, label);                                                                                   \
    return fd;                                                                                               \
  }
OPEN(open)
OPEN(open64)

int openat(int at, const char *path, int flags, ...) {
  REAL(openat);
  char label[LABEL];
  va_list more;
  va_start(more, flags);
  mode_t mode = va_arg(more, mode_t);
  va_end(more);
  if (at_strikes("openat", at, path, CALLER, label))
    return -1;
  int fd = real(at, path, flags, mode);
  keep_label(fd, label);
  return fd;
}

DIR *opendir(const char *path) {
  REAL(opendir);
  char label[LABEL];
  return path_strikes("opendir", path, CALLER, label) ? NULL : real(path);
}

int scandir64(const char *path, struct dirent64 ***list, int (*wanted)(const struct dirent64 *),
              int (*order)(const struct dirent64 **, const struct dirent64 **)) {
  REAL(scandir64);
  char label[LABEL];
  return path_strikes("scandir", path, CALLER, label) ? -1 : real(path, list, wanted, order);
}

int socketpair(int family, int type, int protocol, int pair[2]) {
  REAL(socketpair);
  if (plain_strikes("socketpair", CALLER))
    return -1;
  int answer = real(family, type, protocol, pair);
  for (int i = 0; i < 2 && answer == 0; i++)
    keep_label(pair[i], by_addon(CALLER) ? "socketpair" : "");
  return answer;
}

int pipe2(int pair[2], int flags) {
  REAL(pipe2);
  if (plain_strikes("pipe2", CALLER))
    return -1;
  int answer = real(pair, flags);
  for (int i = 0; i < 2 && answer == 0; i++)
    keep_label(pair[i], by_addon(CALLER) ? "pipe2" : "");
  return answer;
}

int close(int fd) {
  REAL(close);
  if (control)
    keep_label(fd, "");
  return real(fd); // what fails here has closed it all the same
}

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
  if (plain_strikes("mmap", CALLER))
    return MAP_FAILED;
  return (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset);
}

void *malloc(size_t size) {
  return plain_strikes("malloc", CALLER) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  return plain_strikes("calloc", CALLER) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
  return plain_strikes("realloc", CALLER) ? NULL : __libc_realloc(old, size);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context) {
  REAL(pthread_create);
  // libstdc++ makes them for the addon
  if (control && control->text_end && strikes("pthread_create", ""))
    return errno;
  return real(thread, attributes, run, context);
}

int poll(struct pollfd *fds, nfds_t count, int wait_ms) {
  REAL(poll);
  return plain_strikes("poll", CALLER) ? -1 : real(fds, count, wait_ms);
}

int epoll_wait(int fd, struct epoll_event *events, int count, int wait_ms) {
  REAL(epoll_wait);
  return plain_strikes("epoll_wait", CALLER) ? -1 : real(fd, events, count, wait_ms);
}

int waitid(idtype_t what, id_t who, siginfo_t *ended, int options) {
  REAL(waitid);
  return plain_strikes("waitid", CALLER) ? -1 : real(what, who, ended, options);
}

int clone(int (*run)(void *), void *stack, int flags, void *context, ...) {
  REAL(clone);
  va_list more;
  va_start(more, context);
  void *parent = va_arg(more, void *);
  va_end(more);
  return plain_strikes("clone", CALLER) ? -1 : real(run, stack, flags, context, parent);
}

static const char *name_of(long number) {
  switch (number) {
  case SYS_openat:
    return "child's openat";
  case SYS_write:
    return "child's write";
  case SYS_setsid:
    return "child's setsid";
  case SYS_fcntl:
    return "child's fcntl";
  case SYS_dup3:
    return "child's dup3";
  case SYS_chdir:
    return "child's chdir";
  case SYS_close_range:
    return "child's close_range";
  case SYS_execve:
    return "child's execve";
  case SYS_pidfd_open:
    return "pidfd_open";
  case SYS_pidfd_send_signal:
    return "pidfd_send_signal";
  case SYS_getdents64:
    return "getdents64";
  default:
    return NULL;
  }
}

// Between clone and exec, too, where the child runs on its parent's memory.
long syscall(long number, ...) {
  REAL(syscall);
  va_list more;
  long a[6];
  va_start(more, number);
  for (int i = 0; i < 6; i++)
    a[i] = va_arg(more, long);
  va_end(more);
  const char *name = by_addon(CALLER) ? name_of(number) : NULL;
  if (name && strikes(name, number == SYS_getdents64 && a[0] < DESCRIPTORS ? labels[a[0]] : ""))
    return -1;
  if (number == SYS_close && control && !by_addon(CALLER))
    keep_label((int)a[0], "");
  return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

#define FCNTL(name)                                                                                          \
  int name(int fd, int command, ...) {                                                                       \
    REAL(name);                                                                                              \
    va_list more;                                                                                            \
    va_start(more, command);                                                                                 \
    void *argument = va_arg(more, void *);                                                                   \
    va_end(more);                                                                                            \
    return fd_strikes("fcntl", fd, CALLER) ? -1 : real(fd, command, argument);                               \
  }
FCNTL(fcntl)
FCNTL(fcntl64)
