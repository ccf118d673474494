// Who may have a request under way at one broker: the door that a GentleController opens and
// closes.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

#include "engine/gentle_controller.h"
#include "os/deadline.h"

namespace maxbrod::engine {

// Thread-safe. As many places as the controller's parallelism, rounded up; a place rests after each
// request for as long as brings the average down to the parallelism itself, but never longer than
// kPauseMax.
class BrokerGate {
 public:
  BrokerGate(double full, Clock& clock);

  // Takes a place if one is free.
  bool TryEnter();
  // Waits for one. kCancelled when stopped.
  Status Enter(const CallContext& context);
  // The place's request took so long.
  void Leave(int64_t took_nanos);

  // What the probes saw.
  void OnProbeSent(int64_t now_nanos);
  void OnProbeAnswered(int64_t sent_nanos, int64_t answered_nanos);
  void OnProbeLost();

  struct Reading {
    uint64_t times_reduced = 0;
    double mean_share = 1;  // of full parallelism, over time
    int64_t baseline_nanos = 0;
  };
  Reading Read();

  static constexpr int64_t kPauseMaxNanos = 2'000'000'000;

 private:
  bool TakePlace(int64_t now_nanos);  // caller holds mutex_

  Clock& clock_;
  std::mutex mutex_;
  std::condition_variable_any left_;
  GentleController controller_;
  size_t busy_ = 0;
  std::vector<int64_t> resting_until_;
  int64_t probe_sent_nanos_ = 0;
};

}  // namespace maxbrod::engine
