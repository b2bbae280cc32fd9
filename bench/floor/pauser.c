/*
 * pauser: does nothing until it is killed.
 *
 * It neither writes nor exits, so that whoever starts it is not woken by anything but the start itself.
 */
#include <unistd.h>

int main(void) {
  for (;;)
    pause();
}
