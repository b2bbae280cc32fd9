/* Forks as fast as it can, and so do its children; those that cannot any more try again. */
#include <stdio.h>
#include <unistd.h>

#include "../../../chaos/escape/payloads/lifetime.h"

int main(void) {
  end_after(LIFETIME_SECONDS);
  puts("forks");
  fflush(stdout);
  for (;;)
    if (fork() == 0)
      end_after(LIFETIME_SECONDS);
}
