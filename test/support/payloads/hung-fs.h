/* A FUSE file system that answers INIT, reads every other request and never answers, as sshfs, rclone and
   gvfs do when the far side hangs: whoever asks it for anything is in uninterruptible sleep up to the end of
   whoever serves it. */
#ifndef HUNG_FS_H
#define HUNG_FS_H

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* The descriptor that serves it, or -1 and errno. */
static inline int hung_fs_mount(const char *directory) {
  int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  char options[128];
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=%u,group_id=%u%s", fuse, geteuid(),
           getegid(), geteuid() == 0 ? ",allow_other" : "");
  if (fuse >= 0 && mount("hung", directory, "fuse.hung", 0, options) == 0)
    return fuse;
  int refused = errno;
  close(fuse);
  errno = refused;
  return -1;
}

static inline int hung_fs_answer_init(int fuse, const struct fuse_in_header *in) {
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

/* Reads the next request, and answers it where it is the first of all. Its opcode, and who asks; 0: there was
   none. */
static inline uint32_t hung_fs_hear(int fuse, uint32_t *pid) {
  static char request[1 << 20];
  if (read(fuse, request, sizeof request) <= 0)
    return 0;
  const struct fuse_in_header *in = (const void *)request;
  if (in->opcode == FUSE_INIT && hung_fs_answer_init(fuse, in) < 0)
    return 0;
  if (pid)
    *pid = in->pid;
  return in->opcode;
}

#endif
