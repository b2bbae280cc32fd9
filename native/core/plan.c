#define _GNU_SOURCE
#include "plan.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_PATH "/usr/local/bin:/bin:/usr/bin" // as execvp(3)

// The fields not yet read. Past the end all are empty.
struct fields {
  char *at, *end;
};

static char *next(struct fields *fields) {
  char *field = fields->at < fields->end ? fields->at : fields->end - 1; // the NUL of the last one
  fields->at = field + strlen(field) + 1;
  return field;
}

// NULL for an empty field.
static char *next_or_none(struct fields *fields) {
  char *field = next(fields);
  return *field ? field : NULL;
}

// A count, then so many fields; a null pointer ends the list, as exec wants it.
static int next_list(struct fields *fields, char ***list, size_t *count) {
  *count = strtoul(next(fields), NULL, 10);
  if (*count > (size_t)(fields->end - fields->at)) // each is a byte at least
    return -EINVAL;
  *list = calloc(*count + 1, sizeof **list);
  if (!*list)
    return -ENOMEM;
  for (size_t i = 0; i < *count; i++)
    (*list)[i] = next(fields);
  return 0;
}

static struct corral_stdio read_stdio(const char *text) {
  if (!strcmp(text, "none"))
    return (struct corral_stdio){CORRAL_STDIO_NONE, -1};
  if (!strcmp(text, "ignore"))
    return (struct corral_stdio){CORRAL_STDIO_IGNORE, -1};
  if (!strcmp(text, "socket"))
    return (struct corral_stdio){CORRAL_STDIO_SOCKET, -1};
  if (!strcmp(text, "pipe-in"))
    return (struct corral_stdio){CORRAL_STDIO_PIPE_IN, -1};
  if (!strcmp(text, "pipe-out"))
    return (struct corral_stdio){CORRAL_STDIO_PIPE_OUT, -1};
  return (struct corral_stdio){CORRAL_STDIO_FD, (int)strtol(text, NULL, 10)};
}

static int next_stdio(struct fields *fields, struct corral_spawn_plan *spawn) {
  char **texts;
  int answer = next_list(fields, &texts, &spawn->stdio_count);
  if (answer < 0)
    return answer;
  spawn->stdio = calloc(spawn->stdio_count + 1, sizeof *spawn->stdio);
  for (size_t i = 0; spawn->stdio && i < spawn->stdio_count; i++)
    spawn->stdio[i] = read_stdio(texts[i]);
  free((void *)texts);
  return spawn->stdio ? 0 : -ENOMEM;
}

static enum corral_make_kind read_kind(const char *text) {
  if (!strcmp(text, "write"))
    return CORRAL_WRITE;
  if (!strcmp(text, "try"))
    return CORRAL_TRY_WRITE;
  if (!strcmp(text, "label"))
    return CORRAL_LABEL;
  return !strcmp(text, "shared") ? CORRAL_MAKE_SHARED : CORRAL_MAKE_NEW;
}

static int next_steps(struct fields *fields, struct corral_plan *plan) {
  size_t count = 0;
  for (const char *at = fields->at; at < fields->end; at++)
    count += !*at;
  plan->steps = calloc(count / 4 + 1, sizeof *plan->steps);
  if (!plan->steps)
    return -ENOMEM;
  while (fields->at < fields->end) {
    struct corral_make_step *step = &plan->steps[plan->step_count++];
    step->kind = read_kind(next(fields));
    step->path = next(fields);
    step->value = next(fields);
    step->name = next(fields);
  }
  return 0;
}

static const char *path_in(char *const *environment) {
  for (; environment && *environment; environment++)
    if (!strncmp(*environment, "PATH=", 5))
      return *environment + 5;
  return DEFAULT_PATH;
}

// Fills in where spawn.command may be. As execvp(3): a name with a slash is a path; others are looked up in
// the PATH of the *new* environment.
static int find(struct corral_plan *plan) {
  struct corral_spawn_plan *spawn = &plan->spawn;
  const char *path = strchr(spawn->command, '/') ? NULL : path_in(spawn->envp);
  size_t directories = 1, each = strlen(spawn->command) + 2;
  for (const char *at = path; at && *at; at++)
    directories += *at == ':';
  spawn->candidates = calloc(directories + 1, sizeof *spawn->candidates);
  plan->candidates = malloc((path ? strlen(path) : 0) + directories * each);
  if (!spawn->candidates || !plan->candidates)
    return -ENOMEM;
  char *text = plan->candidates;
  for (size_t i = 0; i < directories; i++) {
    size_t length = path ? strcspn(path, ":") : 0;
    spawn->candidates[i] = text;
    if (length) {
      text = mempcpy(text, path, length);
      *text++ = '/';
    }
    text = stpcpy(text, spawn->command) + 1;
    path = path ? path + length + 1 : NULL;
  }
  return 0;
}

// What follows the letters of the flags.
static void read_inherited(const char *numbers, struct corral_plan *plan) {
  struct corral_spawn_plan *spawn = &plan->spawn;
  uint64_t given[3];
  for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
    if (!numbers || !*numbers)
      return;
    char *end;
    given[i] = strtoull(numbers + 1, &end, 10);
    numbers = end;
  }
  spawn->ignored = given[0];
  spawn->blocked = given[1];
  spawn->as_given = true;
  corral_own_pids_set(spawn, (pid_t)given[2], plan->own_pids);
}

// The reader's own, where `own` says so.
static int next_or_own(struct fields *fields, bool own, char **reader, char ***list, size_t *count) {
  if (!own)
    return next_list(fields, list, count);
  for (*count = 0; reader && reader[*count];)
    ++*count;
  *list = calloc(*count + 1, sizeof **list);
  for (size_t i = 0; *list && i < *count; i++)
    (*list)[i] = reader[i];
  return *list ? 0 : -ENOMEM;
}

static int read_block(struct fields *fields, char **environment, char **words, struct corral_plan *plan) {
  struct corral_spawn_plan *spawn = &plan->spawn;
  const char *flags = next(fields), *uid = next_or_none(fields), *gid = next_or_none(fields);
  spawn->detached = strchr(flags, 'd');
  spawn->no_clone3 = strchr(flags, 'n');
  spawn->login_mark = strchr(flags, 'l');
  spawn->set_uid = uid;
  spawn->uid = uid ? (uid_t)strtoul(uid, NULL, 10) : 0;
  spawn->set_gid = gid;
  spawn->gid = gid ? (gid_t)strtoul(gid, NULL, 10) : 0;
  spawn->cwd = next_or_none(fields);
  spawn->group = next_or_none(fields);
  spawn->memory_group = next_or_none(fields);
  spawn->command = next(fields);
  size_t argc, variables;
  int answer = next_or_own(fields, strchr(flags, 'a'), words, &spawn->argv, &argc);
  if (answer == 0)
    answer = next_stdio(fields, spawn);
  if (answer == 0)
    answer = next_or_own(fields, !strchr(flags, 'e'), environment, &spawn->envp, &variables);
  if (answer < 0)
    return answer;
  if (strchr(flags, 'a') && argc > 0)
    spawn->command = spawn->argv[0];
  read_inherited(strchr(flags, ':'), plan);
  corral_schedule_read(flags, &spawn->schedule);
  corral_attributes_read(flags, &spawn->attributes);
  answer = corral_credentials_read(flags, &spawn->credentials);
  if (answer < 0)
    return answer;
  spawn->shell_argv = calloc(argc + 3, sizeof *spawn->shell_argv);
  answer = spawn->shell_argv ? next_steps(fields, plan) : -ENOMEM;
  return answer == 0 ? find(plan) : answer;
}

int corral_plan_read(char *block, size_t size, char **environment, char **words, struct corral_plan *plan) {
  *plan = (struct corral_plan){.spawn.group_fd = -1};
  if (!size || block[size - 1])
    return -EINVAL;
  struct fields fields = {block, block + size};
  int answer = read_block(&fields, environment, words, plan);
  if (answer < 0)
    corral_plan_free(plan);
  return answer;
}

void corral_plan_free(struct corral_plan *plan) {
  free((void *)plan->spawn.argv);
  free((void *)plan->spawn.envp);
  free((void *)plan->spawn.shell_argv);
  free((void *)plan->spawn.candidates);
  free(plan->spawn.stdio);
  corral_credentials_free(&plan->spawn.credentials);
  free(plan->steps);
  free(plan->candidates);
  *plan = (struct corral_plan){0};
}
