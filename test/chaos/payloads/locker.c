// Opens a directory, says so, and locks it once it is told to, by a line on its input: locker DIRECTORY
// exclusive|shared [COMMAND [ARGUMENT]...]. Then it becomes the command, which inherits the lock, or waits.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

int main(int count, char **words) {
  char line[16];
  if (count < 3)
    return 2;
  int fd = open(words[1], O_RDONLY | O_DIRECTORY);
  if (fd < 0) {
    perror(words[1]);
    return 1;
  }
  puts("open");
  fflush(stdout);
  if (!fgets(line, sizeof line, stdin) || flock(fd, strcmp(words[2], "shared") ? LOCK_EX : LOCK_SH) < 0)
    return 1;
  puts("locked");
  fflush(stdout);
  if (count > 3)
    execv(words[3], words + 3);
  pause();
  return 1;
}
