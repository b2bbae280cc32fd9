// Goes to the door of a session that is held without cgroups, or opens one that looks like it
// (native/core/door.h):
//
//   door-guest NAME join COUNT                 joins so often, prints how many were let in, and waits
//   door-guest NAME all PID                    joins, says all words about PID, prints "said all", and waits
//   door-guest NAME idle COUNT                 connects so often, prints "idle", and waits
//   door-guest NAME host FILE                  opens a door, prints "open", answers all with FILE as labels
//   door-guest NAME KIND NUMBER SECOND [PID]   says one word, with a pidfd of PID, and prints what comes:
//                                              "word KIND", "closed"
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../../native/core/message.h"

#define JOIN 19
#define SHOWN 20
#define JOINED 21

struct word {
  uint32_t kind, id;
  int64_t number, second;
};

static socklen_t address_of(const char *name, struct sockaddr_un *address) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  strncpy(address->sun_path + 1, name, sizeof address->sun_path - 2);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
}

static int go_to(const char *name) {
  struct sockaddr_un address;
  socklen_t length = address_of(name, &address);
  int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
  return connect(fd, (const struct sockaddr *)&address, length) < 0 ? -1 : fd;
}

static void say(int fd, struct word word, int with) {
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
  } control;
  struct iovec bytes = {&word, sizeof word};
  struct msghdr header = {.msg_iov = &bytes, .msg_iovlen = 1};
  if (with >= 0) {
    header.msg_control = control.bytes;
    header.msg_controllen = sizeof control.bytes;
    struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &with, sizeof with);
  }
  if (sendmsg(fd, &header, MSG_NOSIGNAL) < 0)
    printf("unsaid %s\n", strerror(errno));
}

static int host(const char *name, const char *file) {
  struct sockaddr_un address;
  socklen_t length = address_of(name, &address);
  int door = socket(AF_UNIX, SOCK_SEQPACKET, 0), labels = open(file, O_RDONLY | O_NONBLOCK);
  if (bind(door, (const struct sockaddr *)&address, length) < 0 || listen(door, 64) < 0 || labels < 0)
    return 1;
  puts("open");
  fflush(stdout);
  for (;;) {
    int guest = accept(door, NULL, NULL);
    for (int times = 0; times < 20; times++)
      say(guest, (struct word){.kind = SHOWN}, labels);
  }
}

static int join_often(const char *name, int times) {
  struct word word;
  int joined = 0;
  for (char buffer[65536]; times > 0; times--) {
    int fd = go_to(name);
    say(fd, (struct word){.kind = JOIN, .number = getpid()}, -1);
    if (recv(fd, buffer, sizeof buffer, 0) <= 0)
      continue;
    memcpy(&word, buffer, sizeof word);
    joined += word.kind == JOINED;
  }
  printf("joined %d\n", joined);
  fflush(stdout);
  pause();
  return 0;
}

// All words that there are, and some that there are not, about another process.
static int say_all(const char *name, pid_t victim) {
  int fd = go_to(name);
  const int pidfd = (int)syscall(434 /* pidfd_open */, victim, 0);
  say(fd, (struct word){.kind = JOIN, .number = getpid()}, -1);
  char buffer[65536];
  if (recv(fd, buffer, sizeof buffer, 0) <= 0)
    return 1;
  for (uint32_t kind = 1; kind < 40; kind++) {
    struct corral_message word = {.kind = kind,
                                  .id = (uint32_t)victim,
                                  .values.exited = {.code = victim, .signal = victim},
                                  .killed = 1000000,
                                  .name_count = 1,
                                  .left_count = 1,
                                  .left = {victim},
                                  .error_number = EPERM};
    if (kind == CORRAL_SHOW || kind == CORRAL_END || kind == CORRAL_JOIN)
      word.id = 0; // of a protocol that is known
    strcpy(word.names[0], "\x1b]0;victim");
    struct iovec bytes = {&word, sizeof word};
    union {
      char bytes[CMSG_SPACE(sizeof(int))];
      struct cmsghdr align;
    } control = {0};
    struct msghdr header = {.msg_iov = &bytes,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
    *rights = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(rights), &pidfd, sizeof pidfd);
    if (sendmsg(fd, &header, MSG_NOSIGNAL) < 0)
      break;
  }
  puts("said all");
  fflush(stdout);
  pause();
  return 0;
}

int main(int count, char **words) {
  if (count < 4)
    return 2;
  if (!strcmp(words[2], "host"))
    return host(words[1], words[3]);
  if (!strcmp(words[2], "join"))
    return join_often(words[1], atoi(words[3]));
  if (!strcmp(words[2], "all"))
    return say_all(words[1], (pid_t)atoi(words[3]));
  if (!strcmp(words[2], "idle")) {
    for (int left = atoi(words[3]); left > 0; left--)
      (void)go_to(words[1]);
    puts("idle");
    fflush(stdout);
    pause();
  }
  int fd = go_to(words[1]);
  if (fd < 0) {
    perror("connect");
    return 1;
  }
  int pidfd = count > 5 ? (int)syscall(434 /* pidfd_open */, atoi(words[5]), 0) : -1;
  say(fd,
      (struct word){.kind = (uint32_t)atoi(words[2]), .number = atoll(words[3]), .second = atoll(words[4])},
      pidfd);
  struct word word;
  for (char buffer[65536]; recv(fd, buffer, sizeof buffer, 0) > 0;) {
    memcpy(&word, buffer, sizeof word);
    printf("word %u\n", word.kind);
    fflush(stdout);
  }
  puts("closed");
  return 0;
}
