/* Outlives in the middle of exec(2): one process executes a program of a file system that does not answer,
   one a program that is under a lease. The third serves the file system and holds the lease. In the first no
   signal is taken before that answers or ends. */
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "../../../support/payloads/hung-fs.h"
#include "detach.h"

#define MOUNT "/tmp"

static arrivals in_place;

/* Somebody opens the file: its lease is to be given back, which it is not. */
static void asked_for_lease(int signal_number) {
  (void)signal_number;
  if (write(in_place.for_arrivals, "+", 1) != 1)
    _exit(1);
}

static _Noreturn void execute(const char *program) {
  char *const words[] = {(char *)program, NULL};
  execv(program, words);
  wait_for_the_end(); /* the lease was broken, after /proc/sys/fs/lease-break-time */
  _exit(1);
}

static void execute_leased(void) {
  char path[64];
  signal(SIGIO, asked_for_lease);
  int memory = memfd_create("leased", 0);
  snprintf(path, sizeof path, "/proc/%d/fd/%d", getpid(), memory);
  int file = open(path, O_RDWR | O_CLOEXEC); /* who has made it has not opened it, and gets no lease */
  if (file < 0 || fchmod(file, 0700) != 0)
    fail("memfd");
  close(memory);
  if (fcntl(file, F_SETLEASE, F_WRLCK) != 0)
    cannot("lease");
  snprintf(path, sizeof path, "/proc/%d/fd/%d", getpid(), file);
  if (fork_own_session() == 0)
    execute(path);
}

static void execute_hung(int fuse) {
  if (fork_own_session() != 0)
    return;
  close(fuse); /* the file system ends with its server */
  execute(MOUNT "/program");
}

static void serve(void) {
  if (unshare(CLONE_NEWNS | (geteuid() == 0 ? 0 : CLONE_NEWUSER)) != 0)
    cannot("unshare");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
    cannot("mount");
  int fuse = hung_fs_mount(MOUNT);
  if (fuse < 0)
    cannot("mount a FUSE file system");
  execute_leased();
  for (int started = 0;;) {
    uint32_t opcode = hung_fs_hear(fuse, NULL);
    if (opcode == FUSE_INIT && !started++)
      execute_hung(fuse);
    else if (opcode == FUSE_LOOKUP || opcode == FUSE_GETATTR)
      if (write(in_place.for_arrivals, "+", 1) != 1)
        fail("arrive");
  }
}

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  in_place = expect_arrivals();
  if (fork_orphan() == 0)
    serve();
  await_arrivals(in_place, 2);
  return stay_or_leave(argc, argv);
}
