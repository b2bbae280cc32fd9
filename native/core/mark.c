#define _GNU_SOURCE
#include "mark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "own.h"
#include "pidfd.h"

// From the highest bit: the level (as a limit can only be lowered, a holder inside another's session has a
// lower one), the holder's pid, its pid namespace, and chance, for when the pid comes again. 52 bits, so that
// it is a whole number for JavaScript too.
#define LEVEL_SHIFT 49
#define LEVELS 7
#define PID_SHIFT 27
#define PID_BITS 22 // PID_MAX_LIMIT of include/linux/threads.h
#define SPACE_SHIFT CHANCE_BITS
#define SPACE_BITS 18 // of the inode's number, which are given out in a row
#define CHANCE_BITS 9
#define MARKS_END (1LL << 52)

#define FIELD(mark, shift, bits) (((mark) >> (shift)) & ((1LL << (bits)) - 1))

#define LIMIT "Max file locks"
// What ears_open() of a holder is given: nobody else that bears the mark has this name but on purpose.
#define HOLDER "corral-holder"

static int64_t level_of(int64_t mark) {
  return mark > 0 && mark < MARKS_END ? mark >> LEVEL_SHIFT : 0;
}

static pid_t holder_of(int64_t mark) {
  return (pid_t)FIELD(mark, PID_SHIFT, PID_BITS);
}

// Of our pid namespace; -1 where that cannot be told.
static int64_t own_space(void) {
  struct stat space;
  if (stat("/proc/self/ns/pid", &space) < 0)
    return -1;
  return (int64_t)FIELD((int64_t)space.st_ino, 0, SPACE_BITS);
}

// ---- of one process ----

// proc_pid_limits(5), a line: Max file locks    SOFT    HARD    locks. Readable whoever the process runs as.
int64_t corral_mark_of(pid_t pid) {
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
  at += strspn(at, " ");                      // to the soft limit,
  at += strcspn(at, " ");                     // and over it
  const int64_t hard = strtoll(at, NULL, 10); // "unlimited" is no number: 0
  return level_of(hard) > 0 ? hard : 0;
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

// What is read between pidfd_open() and a signal 0 that still reaches it was said of the process that the
// pidfd is of.
static int visit_marked(void *context, pid_t pid) {
  const struct corral_walk *walk = context;
  if (corral_mark_of(pid) != walk->mark)
    return 0;
  struct corral_process process;
  CORRAL_OWNED_FD pidfd = corral_pidfd_open(pid);
  if (pidfd < 0 || corral_mark_of(pid) != walk->mark || !corral_process_read(pid, &process) ||
      !process.lives || corral_pidfd_signal(pidfd, 0) == -ESRCH)
    return 0;
  walk->visit(walk->context, &process, pidfd);
  return 0;
}

int corral_walk_marked(const struct corral_walk *walk) {
  int answer = for_all(visit_marked, (void *)walk);
  return answer == -EAGAIN ? 0 : answer;
}

static int is_marked(void *context, pid_t pid) {
  const int64_t *mark = context;
  struct corral_process process;
  return corral_mark_of(pid) == *mark && corral_process_read(pid, &process) && process.lives;
}

int corral_none_marked(int64_t mark) {
  int found = for_all(is_marked, &mark);
  if (found == -EAGAIN)
    return 0;
  return found < 0 ? found : !found;
}

// ---- what is lost ----

static bool is_held(int64_t mark) {
  struct corral_process holder;
  return corral_mark_of(holder_of(mark)) == mark && corral_process_read(holder_of(mark), &holder) &&
         holder.lives && !strcmp(holder.name, HOLDER);
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
  grown[losses->count] = (struct corral_lost){.mark = mark, .holder = holder_of(mark)};
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
  if (mark == 0 || FIELD(mark, SPACE_SHIFT, SPACE_BITS) != search->space || !is_ours(pid) ||
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
