/* Outlives in the kernel: an orphan with a read in flight that an io_uring worker, a thread of the kernel's
   inside the process, waits for, and that never ends. The ring has to be torn down before the process is
   gone. */
#include <linux/io_uring.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "detach.h"

static void *map_ring(int ring, size_t size, off_t what) {
  void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, what);
  if (mapped == MAP_FAILED)
    fail("io_uring: mmap");
  return mapped;
}

/* Of one byte of an end of a pipe that nobody writes to. */
static void submit_read(int from) {
  static char byte;
  struct io_uring_params params = {0};
  long ring = syscall(SYS_io_uring_setup, 1, &params);
  if (ring < 0)
    cannot("io_uring");
  char *queue =
      map_ring((int)ring, params.sq_off.array + params.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
  struct io_uring_sqe *entry =
      map_ring((int)ring, params.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
  *entry = (struct io_uring_sqe){.opcode = IORING_OP_READ,
                                 .flags = IOSQE_ASYNC,
                                 .fd = from,
                                 .addr = (unsigned long)&byte,
                                 .len = sizeof byte};
  *(unsigned *)(queue + params.sq_off.array) = 0;
  atomic_store((atomic_uint *)(queue + params.sq_off.tail), 1);
  if (syscall(SYS_io_uring_enter, ring, 1, 0, 0, NULL, 0) != 1)
    fail("io_uring_enter");
}

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  arrivals in_place = expect_arrivals();
  if (fork_orphan() == 0) {
    int silent[2];
    if (pipe(silent) != 0)
      fail("pipe");
    submit_read(silent[0]);
    arrive(in_place);
    wait_for_the_end();
  }
  await_arrivals(in_place, 1);
  return stay_or_leave(argc, argv);
}
