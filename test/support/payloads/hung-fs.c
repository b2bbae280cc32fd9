// Serves a file system that never answers (hung-fs.h), and ends with its standard input. Usage: hung-fs
// DIRECTORY
#include <poll.h>

#include "hung-fs.h"

int main(int count, char **words) {
  int fuse = count == 2 ? hung_fs_mount(words[1]) : -1;
  if (fuse < 0) {
    perror("hung-fs");
    return 1;
  }
  struct pollfd both[] = {{.fd = fuse, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
  while (poll(both, 2, -1) > 0 && !both[1].revents) {
    if (both[0].revents & POLLERR)
      return 0; // it was unmounted
    uint32_t pid, opcode = hung_fs_hear(fuse, &pid);
    if (opcode == FUSE_INIT)
      puts("mounted");
    else if (opcode)
      printf("asked by %u\n", pid);
    fflush(stdout);
  }
  return 0;
}
