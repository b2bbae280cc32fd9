/* Outlives by weight: an orphan with a gigabyte of dirty memory, which the kernel takes some time to free, so
   that it is still there after the SIGKILL. Less where memory is short. */
#include <sys/mman.h>
#include <sys/sysinfo.h>

#include "detach.h"

static const size_t MOST = 1UL << 30, SHARE = 8;

static size_t affordable(void) {
  struct sysinfo info;
  if (sysinfo(&info) != 0)
    fail("sysinfo");
  size_t share = info.freeram * info.mem_unit / SHARE;
  return share < MOST ? share : MOST;
}

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  arrivals in_place = expect_arrivals();
  if (fork_orphan() == 0) {
    size_t size = affordable();
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
      fail("mmap");
    memset(memory, 1, size);
    arrive(in_place);
    wait_for_the_end();
  }
  await_arrivals(in_place, 1);
  return stay_or_leave(argc, argv);
}
