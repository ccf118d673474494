// One bound on the memory of many workers: bytes are leased before a buffer of that size is filled.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <utility>

#include "base/status.h"
#include "os/deadline.h"

namespace maxbrod {

// Thread-safe and fair: who asked first is served first, so that a large request is not starved by
// small ones. Must outlive its leases. A thread that holds a lease and waits for another can wait
// for ever; lease all that a piece of work needs at once.
class ByteBudget {
 public:
  // Gives its bytes back when destroyed. Movable; not thread-safe itself.
  class Lease {
   public:
    Lease() = default;
    Lease(Lease&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    Lease& operator=(Lease&& other) noexcept {
      if (this != &other) {
        Release();
        budget_ = std::exchange(other.budget_, nullptr);
        bytes_ = std::exchange(other.bytes_, 0);
      }
      return *this;
    }
    ~Lease() { Release(); }

    uint64_t bytes() const { return bytes_; }
    // Gives everything back early.
    void Release();
    // Keeps `bytes` (no more than now) and gives the rest back, once the real size is known.
    void ShrinkTo(uint64_t bytes);
    // Splits `bytes` (no more than now) off into a lease of their own.
    Lease Split(uint64_t bytes);

   private:
    friend class ByteBudget;
    Lease(ByteBudget* budget, uint64_t bytes) : budget_(budget), bytes_(bytes) {}
    ByteBudget* budget_ = nullptr;
    uint64_t bytes_ = 0;
  };

  explicit ByteBudget(uint64_t total_bytes) : total_(total_bytes) {}
  ByteBudget(const ByteBudget&) = delete;
  ByteBudget& operator=(const ByteBudget&) = delete;
  ~ByteBudget();

  // Waits its turn. More than the total is kInvalidArgument at once (it would wait for ever): a
  // caller that can do with less asks for min(n, total()). Else kTimeout or kCancelled.
  Result<Lease> Acquire(uint64_t bytes, const CallContext& context);
  // Nothing when it would have to wait.
  std::optional<Lease> TryAcquire(uint64_t bytes);

  uint64_t total() const { return total_; }
  uint64_t used() const;
  // The most that was ever leased at once.
  uint64_t high_water() const;
  size_t waiting() const;

 private:
  struct Waiter;
  void Grant(uint64_t bytes);
  void ServeWaiters();
  void GiveBack(uint64_t bytes);

  const uint64_t total_;
  mutable std::mutex mutex_;
  std::list<Waiter*> waiters_;
  uint64_t used_ = 0;
  uint64_t high_water_ = 0;
};

}  // namespace maxbrod
