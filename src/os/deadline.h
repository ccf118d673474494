// A point in time by which work must be done, and the pair (deadline, stop token) every blocking
// call takes.
#pragma once

#include <chrono>
#include <stop_token>

#include "base/clock.h"
#include "base/status.h"

namespace maxbrod {

// A value; uses the steady clock.
class Deadline {
 public:
  Deadline() = default;  // never
  static Deadline Never() { return Deadline(); }
  static Deadline After(Millis duration) {
    Deadline d;
    d.at_ = std::chrono::steady_clock::now() + duration;
    return d;
  }
  bool IsNever() const { return at_ == std::chrono::steady_clock::time_point::max(); }
  bool Expired() const { return !IsNever() && std::chrono::steady_clock::now() >= at_; }
  // Time left, never negative; a very long time for Never().
  Millis Remaining() const {
    if (IsNever()) return Millis(std::chrono::hours(24 * 365));
    auto left = std::chrono::duration_cast<Millis>(at_ - std::chrono::steady_clock::now());
    return left < Millis(0) ? Millis(0) : left;
  }
  // The one that comes first.
  Deadline Earlier(Deadline other) const { return at_ < other.at_ ? *this : other; }

 private:
  std::chrono::steady_clock::time_point at_ = std::chrono::steady_clock::time_point::max();
};

// What bounds a blocking call: it returns kTimeout at the deadline and kCancelled soon after a stop
// request.
struct CallContext {
  Deadline deadline;
  std::stop_token stop;

  // The same stop token, with a deadline no later than `duration` from now.
  CallContext Within(Millis duration) const {
    return CallContext{deadline.Earlier(Deadline::After(duration)), stop};
  }
  // kCancelled, kTimeout (retryable) or OK.
  Status Check() const {
    if (stop.stop_requested()) return Status(Code::kCancelled, "stopped");
    if (deadline.Expired()) return Status(Code::kTimeout, "deadline passed").Retryable();
    return Status::Ok();
  }
};

}  // namespace maxbrod
