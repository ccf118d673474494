// A token bucket: so many tokens (bytes, requests) per second, evenly.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "os/deadline.h"

namespace maxbrod {

// Thread-safe; callers pass in the order in which they came. A rate of 0 means unlimited.
//
// What is taken stands in a line of time: each taking moves the line's end by tokens/rate, and
// waits until its own place. An idle bucket saves up kBurst of time and no more, enough to make up
// for late wake-ups.
class TokenBucket {
 public:
  explicit TokenBucket(double per_second, Clock& clock = Clock::System())
      : clock_(clock), rate_(per_second), line_nanos_(clock.MonotonicNanos()) {}

  double per_second() const { return rate_.load(std::memory_order_relaxed); }
  void SetRate(double per_second) { rate_.store(per_second, std::memory_order_relaxed); }

  // Waits for the place of `tokens`. kCancelled when stopped; kTimeout (retryable) at once, with
  // nothing taken, where the deadline comes before the place.
  Status Take(double tokens, const CallContext& context) {
    const double rate = per_second();
    if (rate <= 0) return Status::Ok();
    const auto cost_nanos = static_cast<int64_t>(tokens * 1e9 / rate);
    int64_t wait_nanos = 0;
    {
      std::lock_guard lock(mutex_);
      int64_t now = clock_.MonotonicNanos();
      line_nanos_ = std::max(line_nanos_, now - kBurstNanos);
      wait_nanos = line_nanos_ - now;
      if (wait_nanos > 0 && context.deadline.Remaining().count() * 1'000'000 < wait_nanos) {
        return Status(Code::kTimeout, "our own rate limit lets this wait for " +
                                          std::to_string(wait_nanos / 1'000'000) +
                                          " ms, which is beyond the deadline")
            .Retryable();
      }
      line_nanos_ += cost_nanos;
    }
    if (wait_nanos <= 0) return Status::Ok();
    if (clock_.Sleep(Millis(wait_nanos / 1'000'000 + 1), context.stop)) return Status::Ok();
    return Status(Code::kCancelled, "stopped");
  }

  // What was taken was a guess: `used` is what came of it. Less makes room for those that come
  // next, more lets them wait; never waits itself.
  void Settle(double taken, double used) {
    const double rate = per_second();
    if (rate <= 0) return;
    std::lock_guard lock(mutex_);
    line_nanos_ += static_cast<int64_t>((used - taken) * 1e9 / rate);
  }

 private:
  static constexpr int64_t kBurstNanos = 100'000'000;

  Clock& clock_;
  std::atomic<double> rate_;
  std::mutex mutex_;
  int64_t line_nanos_;
};

}  // namespace maxbrod
