// The only source of time. Everything that waits or stamps takes a Clock, so that tests own time.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <stop_token>

namespace maxbrod {

using Millis = std::chrono::milliseconds;

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Milliseconds since the Unix epoch, as Kafka's timestamps.
  virtual int64_t WallMillis() = 0;
  // A monotone time in nanoseconds; only differences mean something.
  virtual int64_t MonotonicNanos() = 0;
  // Sleeps, but no longer than until `stop` is requested. False when stopped.
  virtual bool Sleep(Millis duration, std::stop_token stop) = 0;
  bool Sleep(Millis duration) { return Sleep(duration, std::stop_token()); }

  // The machine's clock. Lives for the whole process.
  static Clock& System();
};

// A clock that moves only when told to (Sleep moves it too and returns at once). Thread-safe.
class FakeClock : public Clock {
 public:
  explicit FakeClock(int64_t wall_millis = 1'700'000'000'000) : wall_millis_(wall_millis) {}
  int64_t WallMillis() override;
  int64_t MonotonicNanos() override;
  using Clock::Sleep;
  bool Sleep(Millis duration, std::stop_token stop) override;
  void Advance(Millis duration);

 private:
  std::mutex mutex_;
  int64_t wall_millis_;
  int64_t elapsed_nanos_ = 0;
};

}  // namespace maxbrod
