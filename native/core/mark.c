#define _GNU_SOURCE
#include "mark.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "grow.h"
#include "language.h"
#include "own.h"
#include "pidfd.h"

// From the highest bit: the level (as a limit can only be lowered, a reaper inside another's session has a
// lower one), the reaper's pid, its pid namespace, and chance, for when the pid comes again. 52 bits, so that
// it is a whole number for JavaScript too.
#define LEVEL_SHIFT 49
#define LEVELS 7
#define PID_SHIFT 27
#define PID_BITS 22 // PID_MAX_LIMIT of include/linux/threads.h
#define SPACE_SHIFT CHANCE_BITS
#define SPACE_BITS 18 // of the inode's number, which are given out in a row
#define CHANCE_BITS 9
#define MARKS_END (1LL << 52)

// Those of cgroups: from this down, by the number of the group. Above all others, which can so be had inside
// a session that a cgroup holds.
#define FIRST_GROUP (1LL << 62)
#define GROUPS (1LL << 61)

#define FIELD(mark, shift, bits) (((mark) >> (shift)) & ((1LL << (bits)) - 1))

// Those in login uids: from this up, by the number of the group. No user has such a number, and NO_LOGIN is
// the value of a process outside of a login.
#define FIRST_LOGIN 0x80000000U
#define NO_LOGIN 0xffffffffU

// How many want them read: who starts sessions that bear such marks, or ends those of others
static atomic_int login_readers;

#define LIMIT "Max file locks"
// What poll_set_open() of a reaper is given: nobody else that bears the mark has this name but on purpose.

static int64_t level_of(int64_t mark) {
  return mark > 0 && mark < MARKS_END ? mark >> LEVEL_SHIFT : 0;
}

static pid_t reaper_of(int64_t mark) {
  return (pid_t)FIELD(mark, PID_SHIFT, PID_BITS);
}

// Of our pid namespace; -1 where that cannot be read.
static int64_t own_space(void) {
  struct stat space;
  if (stat("/proc/self/ns/pid", &space) < 0)
    return -1;
  return (int64_t)FIELD((int64_t)space.st_ino, 0, SPACE_BITS);
}

// ---- a set of them ----

int corral_marks_add(struct corral_marks *marks, int64_t mark) {
  if (!corral_grow(&marks->list, &marks->capacity, marks->count + 1, sizeof *marks->list))
    return -ENOMEM;
  marks->list[marks->count++] = mark;
  return 0;
}

static int compare_marks(const void *a, const void *b) {
  const int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
  return (first > second) - (first < second);
}

void corral_marks_sort(struct corral_marks *marks) {
  if (marks->count > 0)
    qsort(marks->list, marks->count, sizeof *marks->list, compare_marks);
}

bool corral_marks_have(const struct corral_marks *marks, int64_t mark) {
  return mark > 0 && marks->count > 0 &&
         bsearch(&mark, marks->list, marks->count, sizeof mark, compare_marks);
}

void corral_marks_free(struct corral_marks *marks) {
  free(marks->list);
  *marks = (struct corral_marks){0};
}

// ---- of one process ----

static bool is_of_group(int64_t mark) {
  return mark > FIRST_GROUP - GROUPS && mark <= FIRST_GROUP;
}

// proc_pid_limits(5), a line: Max file locks    SOFT    HARD    locks. Readable for a process of any user.
static int64_t read_limit(pid_t pid) {
  char path[32], text[4096];
  snprintf(path, sizeof path, "/proc/%d/limits", pid);
  CORRAL_OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (length <= 0)
    return 0;
  text[length] = '\0';
  const char *at = strstr(text, LIMIT);
  if (!at)
    return 0;
  at += strlen(LIMIT);
  at += strspn(at, " ");        // to the soft limit,
  at += strcspn(at, " ");       // and over it
  return strtoll(at, NULL, 10); // "unlimited" is no number: 0
}

// The system call is twenty times as fast as the file, but tells of other users' processes only root.
static int64_t limit_of(pid_t pid) {
  struct rlimit limit;
  if (prlimit(pid, RLIMIT_LOCKS, NULL, &limit) == 0)
    return limit.rlim_max <= INT64_MAX ? (int64_t)limit.rlim_max : 0;
  return errno == EPERM ? read_limit(pid) : 0;
}

// proc_pid_loginuid: a number, readable for a process of any user.
static uint32_t login_of(pid_t pid) {
  char path[32], text[16];
  snprintf(path, sizeof path, "/proc/%d/loginuid", pid);
  CORRAL_OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (length <= 0)
    return NO_LOGIN;
  text[length] = '\0';
  return (uint32_t)strtoul(text, NULL, 10);
}

// 0: none.
static int64_t group_mark_of(pid_t pid) {
  const int64_t limit = limit_of(pid);
  if (is_of_group(limit) || login_readers == 0)
    return is_of_group(limit) ? limit : 0;
  const uint32_t login = login_of(pid);
  return login >= FIRST_LOGIN && login != NO_LOGIN ? FIRST_GROUP - (int64_t)(login - FIRST_LOGIN) : 0;
}

int64_t corral_mark_of(pid_t pid) {
  const int64_t of_group = group_mark_of(pid);
  if (of_group > 0)
    return of_group;
  const int64_t limit = limit_of(pid);
  return level_of(limit) > 0 ? limit : 0;
}

uint32_t corral_login_mark_of_group(int group_fd) {
  struct stat group;
  if (fstat(group_fd, &group) < 0 || group.st_ino >= NO_LOGIN - FIRST_LOGIN)
    return 0;
  return FIRST_LOGIN + (uint32_t)group.st_ino;
}

void corral_read_login_marks(void) {
  login_readers++;
}

void corral_leave_login_marks(void) {
  login_readers--;
}

// Tried by a child: a login uid cannot always be set back.
int corral_can_login_mark(void) {
  if (access("/proc/self/loginuid", F_OK) < 0)
    return -errno;
  pid_t child = fork();
  if (child == 0) {
    static const char mark[] = "2147483648"; // FIRST_LOGIN
    const int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
    _exit(fd >= 0 && write(fd, mark, sizeof mark - 1) == sizeof mark - 1 ? 0 : 1);
  }
  int status = 0;
  if (child < 0)
    return -errno;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      return -errno;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EPERM;
}

int64_t corral_mark_of_group(int group_fd) {
  struct stat group;
  if (fstat(group_fd, &group) < 0 || group.st_ino >= GROUPS)
    return 0;
  return FIRST_GROUP - (int64_t)group.st_ino;
}

bool corral_can_mark(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_LOCKS, &limit) < 0)
    return false;
  const rlim_t hard = limit.rlim_max;
  // Inside another session of a cgroup, what is made from now on has a lower one
  if (hard > (rlim_t)FIRST_GROUP || is_of_group((int64_t)hard))
    return true;
  // Inside a session without cgroups, who may raise limits can have a mark all the same
  const bool raises = setrlimit(RLIMIT_LOCKS, &(struct rlimit){limit.rlim_cur, hard + 1}) == 0;
  if (raises)
    (void)setrlimit(RLIMIT_LOCKS, &limit);
  return raises;
}

// The level for a mark below this limit; 0: none is left.
static int64_t level_below(const struct rlimit *limit) {
  if (limit->rlim_max == RLIM_INFINITY || limit->rlim_max >= (rlim_t)MARKS_END)
    return LEVELS;
  int64_t above = level_of((int64_t)limit->rlim_max);
  return above > 0 ? above - 1 : 0;
}

int64_t corral_mark_self(void) {
  struct rlimit limit;
  uint16_t chance;
  const int64_t space = own_space();
  if (getrlimit(RLIMIT_LOCKS, &limit) < 0 || level_below(&limit) == 0 || space < 0 ||
      getrandom(&chance, sizeof chance, 0) != sizeof chance)
    return 0;
  const int64_t mark = level_below(&limit) << LEVEL_SHIFT | (int64_t)getpid() << PID_SHIFT |
                       space << SPACE_SHIFT | FIELD((int64_t)chance, 0, CHANCE_BITS);
  limit = (struct rlimit){(rlim_t)mark, (rlim_t)mark};
  if (setrlimit(RLIMIT_LOCKS, &limit) < 0 || corral_mark_of(getpid()) != mark)
    return 0;
  return mark;
}

// ---- of all ----

// Rounds of looking at who was started since the last one. Each takes some ten microseconds, a fork and an
// exit more than that.
#define CHASES 200
// More than that since the last look: a look at all takes no longer.
#define CHASED 1000

// The last number that was given to a process or a thread: the fifth field of /proc/loadavg (proc(5)). -1
// where it cannot be read.
static pid_t last_born(void) {
  char text[128];
  CORRAL_OWNED_FD fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (length <= 0)
    return -1;
  text[length] = '\0';
  const char *last = strrchr(text, ' ');
  return last ? (pid_t)strtol(last, NULL, 10) : -1;
}

// Calls `see` for all that there are, and then for those that were started meanwhile, until nobody was: a
// process that always forks and ends is never in a list that is older than it is. 0, or what `see` gives that
// is not 0, or -EAGAIN when so many are started that some may have been missed; or -errno.
static int for_all(int (*see)(void *context, pid_t pid), void *context) {
  pid_t seen = last_born();
  int answer = corral_each_number("/proc", see, context);
  for (int chase = 0; answer == 0 && seen >= 0; chase++) {
    const pid_t born = last_born();
    if (born == seen)
      return 0;
    if (chase == CHASES || born < seen || born - seen > CHASED)
      return -EAGAIN;
    while (seen < born && answer == 0)
      answer = see(context, ++seen);
  }
  return answer;
}

// ---- whose they are to end ----

// As instances are named: native/core/instance.c.
#define INSTANCE "/corral/i"
#define INSTANCE_DIGITS 10

bool corral_cgroup_of(pid_t pid, char *path, size_t size) {
  char file[32], text[PATH_MAX + 1024]; // the lines of v1 hierarchies stand before it
  snprintf(file, sizeof file, "/proc/%d/cgroup", pid);
  CORRAL_OWNED_FD fd = open(file, O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (length <= 0)
    return false;
  text[length] = '\0';
  const char *line = strncmp(text, "0::/", 4) == 0 ? text : strstr(text, "\n0::/");
  if (!line)
    return false;
  line = strchr(line, '/');
  snprintf(path, size, "%.*s", (int)strcspn(line, "\n"), line);
  return true;
}

static bool is_instance(const char *name) {
  const size_t digits = strspn(name, "0123456789abcdef");
  return digits == INSTANCE_DIGITS && (name[digits] == '/' || name[digits] == '\0');
}

// The innermost that the path leads through: the name behind its `i`. NULL: none.
static const char *instance_in(const char *path) {
  const char *found = NULL;
  for (const char *at = path; (at = strstr(at, INSTANCE)); at += strlen(INSTANCE))
    if (is_instance(at + strlen(INSTANCE)))
      found = at + strlen(INSTANCE);
  return found;
}

static bool is_guard(pid_t pid) {
  struct corral_process process;
  return corral_process_read(pid, &process) && !strcmp(process.name, CORRAL_GUARD_TITLE);
}

bool corral_is_of_other_instance(pid_t pid, const char *instance) {
  char path[4096];
  if (is_guard(pid))
    return true;
  const char *theirs = corral_cgroup_of(pid, path, sizeof path) ? instance_in(path) : NULL;
  const char *ours = instance ? instance_in(instance) : NULL;
  return theirs && (!ours || strncmp(theirs, ours, INSTANCE_DIGITS) != 0);
}

// ---- the walk ----

// What is read between pidfd_open() and a signal 0 that still reaches it was said of the process that the
// pidfd is of.
static int visit_marked(void *context, pid_t pid) {
  const struct corral_walk *walk = context;
  const struct corral_marked *marked = walk->marked;
  if (!corral_marks_have(&marked->marks, corral_mark_of(pid)))
    return 0;
  struct corral_process process;
  CORRAL_OWNED_FD pidfd = corral_pidfd_open(pid);
  if (pidfd < 0 || !corral_marks_have(&marked->marks, corral_mark_of(pid)) ||
      !corral_process_read(pid, &process) || !process.lives || corral_pidfd_signal(pidfd, 0) == -ESRCH)
    return 0;
  if (!marked->passes_over || !corral_is_of_other_instance(pid, marked->instance))
    walk->visit(walk->context, &process, pidfd);
  return 0;
}

#define MOST_BELOW 512 // each is held by a descriptor; who is below those is seen once they are dead

struct below {
  struct corral_process process;
  int pidfd;
};

// Adds the living children of one, each of whom was certainly that when its pidfd was opened.
static int add_children(struct below *list, size_t *count, const struct corral_process *parent) {
  struct corral_members children = {0};
  int answer = corral_children_of(parent->pid, parent->threads, &children);
  for (size_t i = 0; i < children.count && *count < MOST_BELOW; i++) {
    struct below *child = &list[*count];
    CORRAL_OWNED_FD pidfd = corral_pidfd_open(children.pids[i]);
    if (pidfd < 0 || !corral_process_read(children.pids[i], &child->process) || !child->process.lives ||
        child->process.parent != parent->pid)
      continue;
    child->pidfd = corral_release_fd(&pidfd);
    ++*count;
  }
  corral_members_free(&children);
  return answer;
}

// The leader comes last: when it is killed, what is below it is lost.
static int walk_leader(const struct corral_walk *walk) {
  struct below *list = malloc(MOST_BELOW * sizeof *list);
  if (!list)
    return -ENOMEM;
  const struct corral_marked *marked = walk->marked;
  int answer = 0;
  size_t count = 0;
  if (corral_process_read(marked->leader, &list[0].process) && list[0].process.lives &&
      corral_pidfd_signal(marked->leader_fd, 0) != -ESRCH)
    list[count++].pidfd = -1;
  for (size_t i = 0; i < count && answer == 0; i++)
    answer = add_children(list, &count, &list[i].process);
  while (count-- > 0) {
    walk->visit(walk->context, &list[count].process, count > 0 ? list[count].pidfd : marked->leader_fd);
    corral_close_fd(&list[count].pidfd);
  }
  free(list);
  return answer;
}

int corral_walk_marked(const struct corral_walk *walk) {
  int answer = walk->marked->leader_fd < 0 ? 0 : walk_leader(walk);
  if (answer == 0 && walk->marked->marks.count > 0)
    answer = for_all(visit_marked, (void *)walk);
  return answer == -EAGAIN ? 0 : answer;
}

static int is_marked(void *context, pid_t pid) {
  struct corral_process process;
  return corral_marks_have(context, corral_mark_of(pid)) && corral_process_read(pid, &process) &&
         process.lives;
}

int corral_none_marked(const struct corral_marked *marked) {
  if (marked->leader_fd >= 0 && !corral_readable(marked->leader_fd, 0))
    return 0;
  int found = marked->marks.count == 0 ? 0 : for_all(is_marked, (void *)&marked->marks);
  if (found == -EAGAIN)
    return 0;
  return found < 0 ? found : !found;
}

// ---- all marks of cgroups ----

static int note_bearer(void *context, pid_t pid) {
  struct corral_bearers *bearers = context;
  const int64_t mark = group_mark_of(pid);
  if (mark == 0)
    return 0;
  if (!corral_grow(&bearers->list, &bearers->capacity, bearers->count + 1, sizeof *bearers->list))
    return -ENOMEM;
  bearers->list[bearers->count++] = (struct corral_bearer){mark, pid};
  return 0;
}

static int compare_bearers(const void *a, const void *b) {
  const int64_t first = ((const struct corral_bearer *)a)->mark,
                second = ((const struct corral_bearer *)b)->mark;
  return (first > second) - (first < second);
}

int corral_bearers_read(struct corral_bearers *bearers) {
  *bearers = (struct corral_bearers){0};
  int answer = for_all(note_bearer, bearers);
  bearers->missed = answer == -EAGAIN;
  if (bearers->count > 0)
    qsort(bearers->list, bearers->count, sizeof *bearers->list, compare_bearers);
  return bearers->missed ? 0 : answer;
}

void corral_bearers_free(struct corral_bearers *bearers) {
  free(bearers->list);
  *bearers = (struct corral_bearers){0};
}

// ---- what is lost ----

static bool is_held(int64_t mark) {
  struct corral_process reaper;
  return corral_mark_of(reaper_of(mark)) == mark && corral_process_read(reaper_of(mark), &reaper) &&
         reaper.lives && !strcmp(reaper.name, CORRAL_REAPER_TITLE);
}

static struct corral_lost *find(const struct corral_losses *losses, int64_t mark) {
  for (size_t i = 0; i < losses->count; i++)
    if (losses->list[i].mark == mark)
      return &losses->list[i];
  return NULL;
}

static struct corral_lost *add(struct corral_losses *losses, int64_t mark) {
  struct corral_lost *grown = realloc(losses->list, (losses->count + 1) * sizeof *grown);
  if (!grown)
    return NULL;
  losses->list = grown;
  grown[losses->count] = (struct corral_lost){.mark = mark, .reaper = reaper_of(mark)};
  return &grown[losses->count++];
}

// By the line "Uid: REAL EFFECTIVE ..." of proc_pid_status(5). The owner of /proc/PID would be root for who
// is not dumpable, as agents that keep keys make themselves.
static bool is_ours(pid_t pid) {
  char path[32], text[1024];
  if (geteuid() == 0)
    return true;
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  CORRAL_OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC);
  const ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  text[length > 0 ? length : 0] = '\0';
  const char *real = strstr(text, "\nUid:\t");
  const char *effective = real ? strchr(real + strlen("\nUid:\t"), '\t') : NULL;
  return effective && (uid_t)strtoul(effective, NULL, 10) == geteuid();
}

struct search {
  int64_t space;
  struct corral_losses *losses;
};

static int note_lost(void *context, pid_t pid) {
  const struct search *search = context;
  struct corral_process process;
  const int64_t mark = corral_mark_of(pid);
  if (level_of(mark) == 0 || FIELD(mark, SPACE_SHIFT, SPACE_BITS) != search->space || !is_ours(pid) ||
      !corral_process_read(pid, &process) || !process.lives || is_held(mark))
    return 0;
  struct corral_lost *lost = find(search->losses, mark);
  if (!lost)
    lost = add(search->losses, mark);
  if (!lost)
    return -ENOMEM;
  lost->processes++;
  return 0;
}

int corral_find_lost(struct corral_losses *losses) {
  *losses = (struct corral_losses){0};
  const struct search search = {own_space(), losses};
  if (search.space < 0)
    return -ENOENT;
  int answer = for_all(note_lost, (void *)&search);
  return answer == -EAGAIN ? 0 : answer;
}

void corral_losses_free(struct corral_losses *losses) {
  free(losses->list);
}
