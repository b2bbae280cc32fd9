/* Usage: segment BYTES [stay]. Makes a SysV segment, writes all of it, lets go of it, and says its id; then
 * ends, or stays. segment attach ID. Attaches to one, says `attached`, and stays. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <unistd.h>

#include "../../../chaos/escape/payloads/lifetime.h"

static void stay(void) {
  fflush(stdout);
  for (;;)
    pause();
}

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  if (argc > 2 && !strcmp(argv[1], "attach")) {
    if (shmat(atoi(argv[2]), NULL, 0) == (void *)-1)
      return 1;
    puts("attached");
    stay();
  }
  size_t size = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
  int id = shmget(IPC_PRIVATE, size, IPC_CREAT | 0600);
  void *at = id < 0 ? (void *)-1 : shmat(id, NULL, 0);
  if (at == (void *)-1)
    return 1;
  memset(at, 1, size);
  shmdt(at);
  printf("%d\n", id);
  if (argc > 2)
    stay();
  return 0;
}
