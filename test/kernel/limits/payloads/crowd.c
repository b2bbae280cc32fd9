/* Usage: crowd COUNT. So many processes with 2 MiB each, of which every sixth runs without a pause; says
 * `crowd` when all are there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../chaos/escape/payloads/lifetime.h"

static char memory[2 << 20];

int main(int argc, char **argv) {
  int count = argc > 1 ? atoi(argv[1]) : 0, ready[2];
  char word;
  if (pipe(ready) < 0)
    return 1;
  end_after(LIFETIME_SECONDS);
  for (int i = 0; i < count; i++) {
    if (fork() != 0)
      continue;
    end_after(LIFETIME_SECONDS);
    memset(memory, 1, sizeof memory);
    if (write(ready[1], "", 1) != 1)
      return 1;
    while (i % 6 == 0)
      ;
    for (;;)
      pause();
  }
  for (int i = 0; i < count; i++)
    if (read(ready[0], &word, 1) != 1)
      return 1;
  puts("crowd");
  fflush(stdout);
  for (;;)
    pause();
}
