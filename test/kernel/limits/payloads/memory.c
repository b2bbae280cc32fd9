/* Uses memory: `memory MIB` touches so many MiB, says "has MIB", and waits; 0 goes on for ever. With a second
   argument a grandchild of two forks does so, and the leader waits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../../chaos/escape/payloads/lifetime.h"

enum { MEBIBYTE = 1024 * 1024 };

static void use(long mebibytes) {
  for (long had = 0; mebibytes == 0 || had < mebibytes; had++) {
    char *pages = mmap(NULL, MEBIBYTE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
      _exit(1);
    memset(pages, 1, MEBIBYTE);
  }
}

int main(int count, char **words) {
  end_after(LIFETIME_SECONDS);
  if (count < 2)
    return 2;
  if (count > 2 && fork() == 0) {
    if (fork() != 0)
      _exit(0);
    end_after(LIFETIME_SECONDS);
  } else if (count > 2) {
    for (;;)
      pause();
  }
  use(strtol(words[1], NULL, 10));
  printf("has %s\n", words[1]);
  fflush(stdout);
  for (;;)
    pause();
}
