#include "kafka/call_pace.h"

#include <algorithm>

namespace maxbrod::kafka {

void CallPace::OnThrottled(Millis duration) {
  const int64_t now = clock_.MonotonicNanos();
  const int64_t until = now + duration.count() * 1'000'000;
  std::lock_guard lock(mutex_);
  const int64_t from = std::max(now, throttled_until_);
  if (until <= from) return;
  throttled_nanos_ += until - from;
  throttled_until_ = until;
}

double CallPace::throttled_seconds() const {
  std::lock_guard lock(mutex_);
  const int64_t to_come = std::max<int64_t>(0, throttled_until_ - clock_.MonotonicNanos());
  return static_cast<double>(throttled_nanos_ - to_come) / 1e9;
}

}  // namespace maxbrod::kafka
