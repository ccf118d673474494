// A token bucket of bytes, shared by all workers of a job.
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>

#include "base/clock.h"
#include "os/deadline.h"

namespace maxbrod::engine {

// Thread-safe. A rate of 0 means unlimited.
class RateLimiter {
 public:
  RateLimiter(uint64_t bytes_per_second, Clock& clock)
      : rate_(bytes_per_second), clock_(clock), available_at_(clock.MonotonicNanos()) {}

  // Waits until `bytes` may pass. Debt is paid by whoever comes next, so one large response is
  // never split.
  Status Take(uint64_t bytes, const CallContext& context) {
    if (rate_ == 0) return Status::Ok();
    int64_t wait_nanos = 0;
    {
      std::lock_guard lock(mutex_);
      int64_t now = clock_.MonotonicNanos();
      available_at_ = std::max(available_at_, now);
      wait_nanos = available_at_ - now;
      available_at_ +=
          static_cast<int64_t>(static_cast<double>(bytes) * 1e9 / static_cast<double>(rate_));
    }
    if (wait_nanos <= 0) return Status::Ok();
    if (!clock_.Sleep(Millis(wait_nanos / 1'000'000 + 1), context.stop)) return context.Check();
    return Status::Ok();
  }

 private:
  const uint64_t rate_;
  Clock& clock_;
  std::mutex mutex_;
  int64_t available_at_;
};

}  // namespace maxbrod::engine
