// Descriptors that are kept free for endings: a gateway that has run out of them has to be able to end what
// it has started. They are lent to one thread for a few system calls, and taken again after these.
//
// What is free is free for all threads of the gateway: one that opens something in that moment takes of them,
// as open(2) does not let it choose a number that is kept. So there are twice as many as an ending needs.
// Where more than those were taken, close() rejects with EMFILE, and the next one tries again.
#ifndef CORRAL_RESERVE_H
#define CORRAL_RESERVE_H

#include <atomic>
#include <cerrno>
#include <mutex>

class Reserve {
public:
  Reserve() = default;
  ~Reserve();
  Reserve(const Reserve &) = delete;
  Reserve &operator=(const Reserve &) = delete;

  // As long as this lives, all of them are free.
  class Loan {
  public:
    explicit Loan(Reserve &reserve);
    ~Loan();
    Loan(const Loan &) = delete;
    Loan &operator=(const Loan &) = delete;

  private:
    Reserve &reserve_;
    std::lock_guard<std::mutex> alone_;
  };

  // Takes those that are missing, as far as there are any.
  void Fill();

  // Whether one of them can be kept for some time: what is left has to be enough for the calls of an ending.
  bool CanSpare() const { return count_ >= kForCalls; }

  // Does some work that gives 0 or -errno, once more with the reserve where it wants descriptors.
  template <typename Work> int Do(Work work) {
    const int answer = work();
    if (!IsShortage(-answer))
      return answer;
    const Loan loan(*this);
    return work();
  }

  static bool IsShortage(int number) { return number == EMFILE || number == ENFILE; }

private:
  static constexpr int kAll = 16, kForCalls = 8;

  void Take();

  std::mutex mutex_;
  int fds_[kAll] = {};
  std::atomic<int> count_{0};
};

#endif
