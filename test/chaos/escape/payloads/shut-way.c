/* Outlives behind shut doors on the way to it: takes all permissions from its own group, and from each that
   it is in up to Corral's directory, so that no path leads to its processes for a user who is not root. */
#include <libgen.h>

#include "detach.h"
#include "own-group.h"

enum { LONGEST_WAY = 16 };

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  char group[PATH_MAX];
  own_group(group);
  arrivals in_place = expect_arrivals();
  if (fork_orphan() == 0) {
    arrive(in_place);
    wait_for_the_end();
  }
  await_arrivals(in_place, 1);
  /* Opened from the inside out first: the shut ones lead nowhere. What is not below Corral's directory is not
     its session's: of that only the own group is shut. */
  int way[LONGEST_WAY], length = 0;
  char *corral = strstr(group, "/corral/");
  char *end = group + strlen(group);
  do {
    *end = '\0';
    way[length] = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (way[length++] < 0)
      fail(group);
    end = strrchr(group, '/');
  } while (corral && end > corral && length < LONGEST_WAY - 1);
  if (corral) {
    corral[strlen("/corral")] = '\0';
    way[length++] = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  for (int i = 0; i < length; i++)
    if (fchmod(way[i], 0) != 0 && errno != EPERM && errno != EROFS) /* somebody else's; nobody's to write */
      fail("fchmod");
  return stay_or_leave(argc, argv);
}
