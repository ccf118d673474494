#include "base/clock.h"

#include <condition_variable>

namespace maxbrod {
namespace {

class SystemClock : public Clock {
 public:
  int64_t WallMillis() override {
    return std::chrono::duration_cast<Millis>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
  int64_t MonotonicNanos() override {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
  bool Sleep(Millis duration, std::stop_token stop) override {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, duration, [] { return false; });
    return !stop.stop_requested();
  }
};

}  // namespace

Clock& Clock::System() {
  static SystemClock clock;
  return clock;
}

int64_t FakeClock::WallMillis() {
  std::lock_guard lock(mutex_);
  return wall_millis_;
}

int64_t FakeClock::MonotonicNanos() {
  std::lock_guard lock(mutex_);
  return elapsed_nanos_;
}

bool FakeClock::Sleep(Millis duration, std::stop_token stop) {
  if (stop.stop_requested()) return false;
  Advance(duration);
  return true;
}

void FakeClock::Advance(Millis duration) {
  std::lock_guard lock(mutex_);
  wall_millis_ += duration.count();
  elapsed_nanos_ += duration.count() * 1'000'000;
}

}  // namespace maxbrod
