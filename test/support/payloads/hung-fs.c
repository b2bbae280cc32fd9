// A FUSE file system that answers INIT, reads every other request and never answers, as sshfs, rclone and
// gvfs do when the far side hangs: whoever asks it for anything is in uninterruptible sleep up to the end of
// this program, which also ends with its standard input. Usage: hung-fs DIRECTORY
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static char request[1 << 20];

static int answer_init(int fuse) {
  const struct fuse_in_header *in = (const void *)request;
  const struct fuse_init_in *asked = (const void *)(in + 1);
  struct {
    struct fuse_out_header header;
    struct fuse_init_out init;
  } out = {.header = {.len = sizeof out, .unique = in->unique},
           .init = {.major = FUSE_KERNEL_VERSION,
                    .minor = asked->minor,
                    .flags = FUSE_PARALLEL_DIROPS, // else one who asks keeps the others from asking
                    .max_write = 4096,
                    .max_readahead = asked->max_readahead}};
  return write(fuse, &out, sizeof out) == sizeof out ? 0 : -1;
}

int main(int count, char **words) {
  int fuse = count == 2 ? open("/dev/fuse", O_RDWR | O_CLOEXEC) : -1;
  char options[128];
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fuse);
  if (fuse < 0 || mount("hung", words[1], "fuse.hung", 0, options) < 0) {
    perror("hung-fs");
    return 1;
  }
  struct pollfd both[] = {{.fd = fuse, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
  while (poll(both, 2, -1) > 0 && !both[1].revents) {
    if (both[0].revents & POLLERR)
      return 0; // it was unmounted
    if (read(fuse, request, sizeof request) <= 0)
      continue;
    const struct fuse_in_header *in = (const void *)request;
    if (in->opcode == FUSE_INIT && answer_init(fuse) == 0) {
      puts("mounted");
      fflush(stdout);
    } else if (in->opcode != FUSE_INIT) {
      printf("asked by %u\n", in->pid);
      fflush(stdout);
    }
  }
  return 0;
}
