// `job COMMAND…`: starts it as a shell with job control does, in a process group of its own, and says "job
// PID" and how it stops and ends.
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **words) {
  pid_t pid = count > 1 ? fork() : -1;
  if (pid == 0) {
    setpgid(0, 0);
    execvp(words[1], words + 1);
    _exit(127);
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("job %d\n", pid);
  for (int status; waitpid(pid, &status, WUNTRACED) > 0;)
    if (WIFSTOPPED(status))
      printf("stopped by %d\n", WSTOPSIG(status));
    else if (WIFSIGNALED(status))
      printf("ended by %d\n", WTERMSIG(status));
    else
      printf("exited with %d\n", WEXITSTATUS(status));
  return 0;
}
