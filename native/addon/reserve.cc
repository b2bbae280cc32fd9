#include "reserve.h"

#include <sys/eventfd.h>
#include <unistd.h>

Reserve::~Reserve() {
  while (count_ > 0)
    close(fds_[--count_]);
}

// Not copies of one: the files of the whole machine can run out as well (ENFILE)
void Reserve::Take() {
  while (count_ < kAll) {
    const int fd = eventfd(0, EFD_CLOEXEC);
    if (fd < 0)
      return;
    fds_[count_++] = fd;
  }
}

void Reserve::Fill() {
  std::lock_guard<std::mutex> guard(mutex_);
  Take();
}

Reserve::Loan::Loan(Reserve &reserve) : reserve_(reserve), alone_(reserve.mutex_) {
  while (reserve_.count_ > 0)
    close(reserve_.fds_[--reserve_.count_]);
}

Reserve::Loan::~Loan() {
  reserve_.Take();
}
