// `around terminal|pipes|closing|alarm COMMAND…`: starts COMMAND and tells how that looks from outside, a
// property a line, "name value"; what COMMAND prints goes through.
//   terminal  in a terminal of its own, as the first process of its session: what it leaves that in
//   pipes     with pipes, two of them non-blocking: how it leaves these; and how it stops and ends
//   closing   one that closes its pipes and lives on: whether the other ends see that; ended by SIGTERM then
//   alarm     with a timer that is about to expire (alarm(2)), as of `perl -e 'alarm 1; exec @ARGV'`
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define LONG_MS 60000

static void tell_started(void) {
  char pid[16];
  snprintf(pid, sizeof pid, "%d", getpid());
  setenv("CORRAL_TEST_STARTED", pid, 1);
}

static void become(char **command, const int stdio[3]) {
  for (int i = 0; i < 3; i++)
    dup2(stdio[i], i);
  tell_started();
  execvp(*command, command);
  _exit(127);
}

static void tell_changes(pid_t pid) {
  for (int status; waitpid(pid, &status, WUNTRACED) > 0;)
    if (WIFSTOPPED(status)) {
      printf("stopped %d\n", WSTOPSIG(status));
      kill(pid, SIGCONT);
    } else if (WIFSIGNALED(status))
      printf("ended %d\ncore %s\n", WTERMSIG(status), WCOREDUMP(status) ? "yes" : "no");
    else
      printf("exited %d\n", WEXITSTATUS(status));
}

static void tell_flags(const char *name, int fd) {
  printf("%s flags %o\n", name, fcntl(fd, F_GETFL));
}

static void pass_through(int fd) {
  char buffer[65536];
  fflush(stdout);
  for (ssize_t length; (length = read(fd, buffer, sizeof buffer)) > 0;)
    if (write(STDOUT_FILENO, buffer, (size_t)length) != length)
      return;
}

static void tell_termios(int fd) {
  struct termios modes = {0};
  tcgetattr(fd, &modes);
  printf("termios afterwards %x %x %x %x\n", modes.c_iflag, modes.c_oflag, modes.c_cflag, modes.c_lflag);
}

static int terminal(char **command) {
  int outer = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (outer < 0 || grantpt(outer) < 0 || unlockpt(outer) < 0)
    return 126;
  int inner = open(ptsname(outer), O_RDWR | O_NOCTTY | O_CLOEXEC);
  struct termios modes;
  tcgetattr(inner, &modes);
  modes.c_lflag &= ~(tcflag_t)(ECHO | ECHOE);
  modes.c_oflag &= ~(tcflag_t)OPOST;
  tcsetattr(inner, TCSANOW, &modes);
  const struct winsize size = {.ws_col = 101, .ws_row = 33};
  ioctl(inner, TIOCSWINSZ, &size);
  pid_t pid = fork();
  if (pid == 0) {
    setsid();
    ioctl(inner, TIOCSCTTY, 0);
    become(command, (int[]){inner, inner, inner});
  }
  tell_changes(pid);
  tell_termios(inner);
  tell_flags("terminal", inner);
  fcntl(outer, F_SETFL,
        O_RDWR | O_NONBLOCK); // what was written is there; its end is not, as long as we hold one
  pass_through(outer);
  return 0;
}

static int pipes(char **command) {
  setpgid(0, 0); // with its parent in another group, it is no orphaned one, in which SIGTSTP stops nobody
  int in[2], out[2], err[2];
  if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
    return 126;
  fcntl(in[0], F_SETFL, O_RDONLY | O_NONBLOCK);
  fcntl(err[1], F_SETFL, O_WRONLY | O_NONBLOCK);
  pid_t pid = fork();
  if (pid == 0)
    become(command, (int[]){in[0], out[1], err[1]});
  tell_changes(pid);
  tell_flags("stdin", in[0]);
  tell_flags("stdout", out[1]);
  tell_flags("stderr", err[1]);
  close(out[1]);
  pass_through(out[0]);
  return 0;
}

static const char *hears(int fd, short what, int wait_ms) {
  struct pollfd ear = {.fd = fd};
  return poll(&ear, 1, wait_ms) == 1 && ear.revents & what ? "yes" : "no";
}

static int closing(char **command) {
  int in[2], out[2], err[2];
  if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
    return 126;
  pid_t pid = fork();
  if (pid == 0)
    become(command, (int[]){in[0], out[1], err[1]});
  close(in[0]);
  close(out[1]);
  close(err[1]);
  printf("stdout at its end %s\n", hears(out[0], POLLHUP, LONG_MS)); // the last that is closed
  printf("stdin refused %s\n", hears(in[1], POLLERR, 0));
  printf("stderr at its end %s\n", hears(err[0], POLLHUP, 0));
  kill(pid, SIGTERM);
  tell_changes(pid);
  return 0;
}

static int with_alarm(char **command) {
  pid_t pid = fork();
  if (pid == 0) {
    alarm(1);
    become(command, (int[]){STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO});
  }
  tell_changes(pid);
  return 0;
}

int main(int count, char **words) {
  static const struct {
    const char *name;
    int (*is)(char **command);
  } ways[] = {{"terminal", terminal}, {"pipes", pipes}, {"closing", closing}, {"alarm", with_alarm}};
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (size_t i = 0; i < sizeof ways / sizeof *ways && count > 2; i++)
    if (!strcmp(words[1], ways[i].name))
      return ways[i].is(words + 2);
  return 2;
}
