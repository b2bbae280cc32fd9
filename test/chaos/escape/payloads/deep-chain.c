/* Outlives far below: an orphan in the last of a thousand groups that are in one another. Who begins at the
   top again for each of them has half a million steps to go. */
#include "group-chain.h"

enum { DEPTH = 1000 };

int main(int argc, char **argv) {
  end_after(LIFETIME_SECONDS);
  arrivals in_place = expect_arrivals();
  hide_in_chain(DEPTH, "x", in_place);
  await_arrivals(in_place, 1);
  return stay_or_leave(argc, argv);
}
