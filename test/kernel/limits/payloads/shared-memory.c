/* `shared-memory MIB`: so many MiB that three processes share and have all touched. Says "has MIB", and
 * waits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../chaos/escape/payloads/lifetime.h"

enum { SHARERS = 3, MEBIBYTE = 1024 * 1024 };

int main(int count, char **words) {
  end_after(LIFETIME_SECONDS);
  size_t size = (count > 1 ? strtoul(words[1], NULL, 10) : 0) * MEBIBYTE;
  char *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int told[2];
  if (pages == MAP_FAILED || pipe(told) != 0)
    return 1;
  for (int sharer = 1; sharer < SHARERS; sharer++) {
    if (fork() != 0)
      continue;
    end_after(LIFETIME_SECONDS);
    memset(pages, sharer, size);
    if (write(told[1], "", 1) != 1)
      return 1;
    for (;;)
      pause();
  }
  memset(pages, SHARERS, size);
  char word;
  for (int sharer = 1; sharer < SHARERS; sharer++)
    if (read(told[0], &word, 1) != 1)
      return 1;
  printf("has %s\n", words[1]);
  fflush(stdout);
  for (;;)
    pause();
}
