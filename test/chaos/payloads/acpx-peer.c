/* Somebody at the socket of corral/acpx who has no business there: acpx-peer UID MODE DIRECTORY [TEXT].
   Becomes that user first. squat   makes the directory as soon as its name is free, listens in it, and
   answers all with TEXT flip    the same, and changes the directory's mode all the time between one that lets
   others in and one that does not listen  listens in a directory that is there already ask     connects as
   who believes anybody: prints who it is by its uid, and what it was told hold    keeps as many connections
   as it can get up to 1,000 flood   connects without end */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { HELD = 1000, PAUSE_US = 500 };

static struct sockaddr_un address = {.sun_family = AF_UNIX};

static _Noreturn void cannot(const char *what) {
  printf("%s: %s\n", what, strerror(errno));
  exit(1);
}

static void become(unsigned uid) {
  if (uid != geteuid() && (setgroups(0, NULL) != 0 || setgid(uid) != 0 || setuid(uid) != 0))
    cannot("setuid");
}

static int visit(void) {
  int link = socket(AF_UNIX, SOCK_SEQPACKET, 0);
  if (link >= 0 && connect(link, (struct sockaddr *)&address, sizeof address) == 0)
    return link;
  int refused = errno;
  close(link);
  errno = refused;
  return -1;
}

static _Noreturn void answer(const char *text) {
  unlink(address.sun_path);
  int door = socket(AF_UNIX, SOCK_SEQPACKET, 0);
  if (door < 0 || bind(door, (struct sockaddr *)&address, sizeof address) != 0 || listen(door, 100) != 0)
    cannot("listen");
  chmod(address.sun_path, 0777);
  puts("took it");
  for (;;) {
    int asker = accept(door, NULL, NULL);
    (void)!send(asker, text, strlen(text), MSG_NOSIGNAL);
    close(asker);
  }
}

static void take_name(const char *directory, int flipping) {
  umask(0);
  while (mkdir(directory, 0755) != 0)
    usleep(PAUSE_US);
  if (!flipping || fork() != 0)
    return;
  pid_t parent = getppid();
  while (getppid() == parent && chmod(directory, 0700) == 0 && chmod(directory, 0711) == 0)
    ;
  _exit(0);
}

static int ask(void) {
  int link = visit();
  if (link < 0)
    cannot("connect");
  struct ucred peer;
  socklen_t length = sizeof peer;
  getsockopt(link, SOL_SOCKET, SO_PEERCRED, &peer, &length);
  char pid[16], text[4096];
  (void)!send(link, pid, (size_t)snprintf(pid, sizeof pid, "%d\n", getppid()), MSG_NOSIGNAL);
  ssize_t got = recv(link, text, sizeof text - 1, 0);
  if (got < 0 && errno == ECONNRESET) /* nobody read our pid: told once, before what was said */
    got = recv(link, text, sizeof text - 1, 0);
  text[got > 0 ? got : 0] = 0;
  printf("uid %u told '%s'\n", peer.uid, text);
  return 0;
}

static _Noreturn void hold(void) {
  int held = 0;
  while (held < HELD && visit() >= 0)
    held++;
  printf("holding %d\n", held);
  for (;;)
    pause();
}

static _Noreturn void flood(void) {
  int said = 0;
  for (;;) {
    int link = visit();
    if (link >= 0 && !said)
      said = puts("flooding");
    if (link >= 0)
      close(link);
  }
}

int main(int argc, char **argv) {
  if (argc < 4)
    return 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  become((unsigned)atoi(argv[1]));
  const char *mode = argv[2], *directory = argv[3];
  snprintf(address.sun_path, sizeof address.sun_path, "%s/admission", directory);
  if (strcmp(mode, "ask") == 0)
    return ask();
  if (strcmp(mode, "hold") == 0)
    hold();
  if (strcmp(mode, "flood") == 0)
    flood();
  if (strcmp(mode, "listen") != 0)
    take_name(directory, strcmp(mode, "flip") == 0);
  answer(argc > 4 ? argv[4] : "");
}
