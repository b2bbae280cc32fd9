// Holds a write lease on a file (fcntl(2), F_SETLEASE) and does not give it up when the kernel asks for that:
// whoever opens or executes the file waits for /proc/sys/fs/lease-break-time. Ends with its standard input.
// Usage: lease FILE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(int count, char **words) {
  signal(SIGIO, SIG_IGN);
  int file = count == 2 ? open(words[1], O_RDWR | O_CLOEXEC) : -1;
  if (file < 0 || fcntl(file, F_SETLEASE, F_WRLCK) < 0) {
    perror("lease");
    return 1;
  }
  puts("leased");
  fflush(stdout);
  char end;
  while (read(STDIN_FILENO, &end, 1) > 0)
    ;
  return 0;
}
