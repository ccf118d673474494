// How hard one broker may be worked without its other clients feeling it: the controller behind
// --gentle. Pure arithmetic over probes' latencies; time is told to it.
//
// The signal. Fetches of our own cannot tell queueing from their own size, the disk and the
// network, and their latency rises with what we ask for. So small requests (ApiVersions) are sent
// beside them on connections of their own: they pass the same network threads, the same request
// queue and the same request handlers as a producer's request, and cost next to nothing. What they
// take beyond their resting latency is time spent waiting for others, ourselves among them.
//
// The baseline must not contain our own load (LEDBAT's and BBR's trouble: who begins under load, or
// loads for long, takes that for normal). So every half minute, and at the beginning, all but the
// floor is withheld for about a second, and what probes take then (the median) is a resting
// latency. The baseline is the lowest of the last ten, about five minutes: load of others is
// answered at once, whoever causes it; load that stays is the new normal after five minutes, at
// most.
//
// The rule (AIMD, with LEDBAT's proportional gain): of each second the 80th percentile is taken, so
// that single pauses of a JVM do not count. Above `2 x baseline + 2 ms` parallelism shrinks by the
// factor by which it is above, by half at most; below, it grows by a twentieth of the whole a
// second, the less the nearer it is to the limit. So it gives way within a second or two, comes
// back within half a minute, and stands still where the limit is just not reached.
// What was not measured is not judged: parallelism stays as it is then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace maxbrod::engine {

// Not thread-safe. Times are monotone nanoseconds and never go back.
class GentleController {
 public:
  // `full`: requests under way at once where nothing holds us back (> 0).
  GentleController(double full, int64_t now_nanos);

  // A probe's answer came.
  void OnAnswer(int64_t sent_nanos, int64_t answered_nanos);
  // The broker could not be probed (no connection): counts as a slow second.
  void OnLost() { lost_ = true; }
  // Time goes on. `waiting_since_nanos`: when the oldest unanswered probe was sent, 0 if none is: a
  // broker that does not answer at all is slow too.
  void Advance(int64_t now_nanos, int64_t waiting_since_nanos);

  // Requests that may be under way on average, from kFloor to `full`; below one it is the share of
  // time with one under way. It never stops wholly: a backup goes on and its log is kept in sight.
  double parallelism() const { return resting_ ? floor_ : parallelism_; }
  bool resting() const { return resting_; }

  // For the report.
  uint64_t times_reduced() const { return times_reduced_; }
  // Mean of parallelism/full over time, rests included.
  double mean_share(int64_t now_nanos) const;
  // 0 until known.
  int64_t baseline_nanos() const;

  static constexpr double kFloor = 0.1;
  static constexpr int64_t kWindowNanos = 1'000'000'000;
  static constexpr int64_t kRestEveryNanos = 30'000'000'000;
  // What was under way before a rest may still be felt for so long.
  static constexpr int64_t kRestSettleNanos = 300'000'000;
  static constexpr size_t kRestsKept = 10;
  static constexpr int64_t kSlackNanos = 2'000'000;

 private:
  void CloseWindow(int64_t now_nanos, int64_t waiting_since_nanos);
  void EndRest(int64_t now_nanos);
  void Judge(int64_t latency_nanos);
  void Account(int64_t now_nanos);

  const double full_, floor_;
  double parallelism_;
  bool resting_ = true;
  bool lost_ = false;
  int64_t window_began_;
  int64_t rested_at_;
  std::vector<int64_t> samples_;
  std::deque<int64_t> rests_;
  uint64_t times_reduced_ = 0;
  const int64_t begun_;
  int64_t accounted_to_;
  double share_nanos_ = 0;
};

}  // namespace maxbrod::engine
