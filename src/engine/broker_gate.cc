#include "engine/broker_gate.h"

#include <algorithm>
#include <cmath>

namespace maxbrod::engine {
namespace {

// The controller is looked at again at least so often, whoever leaves or not.
constexpr int64_t kLookNanos = 20'000'000;

}  // namespace

BrokerGate::BrokerGate(double full, Clock& clock)
    : clock_(clock), controller_(full, clock.MonotonicNanos()) {}

bool BrokerGate::TakePlace(int64_t now_nanos) {
  controller_.Advance(now_nanos, probe_sent_nanos_);
  std::erase_if(resting_until_, [now_nanos](int64_t until) { return until <= now_nanos; });
  const auto places = static_cast<size_t>(std::ceil(controller_.parallelism()));
  if (busy_ + resting_until_.size() >= places) return false;
  ++busy_;
  return true;
}

bool BrokerGate::TryEnter() {
  std::lock_guard lock(mutex_);
  return TakePlace(clock_.MonotonicNanos());
}

Status BrokerGate::Enter(const CallContext& context) {
  std::unique_lock lock(mutex_);
  while (true) {
    const int64_t now = clock_.MonotonicNanos();
    if (TakePlace(now)) return Status::Ok();
    int64_t wait = kLookNanos;
    for (int64_t until : resting_until_) wait = std::min(wait, until - now);
    left_.wait_for(lock, context.stop, std::chrono::nanoseconds(wait), [] { return false; });
    MB_RETURN_IF_ERROR(context.Check());
  }
}

void BrokerGate::Leave(int64_t took_nanos) {
  std::lock_guard lock(mutex_);
  --busy_;
  const double share = controller_.parallelism();
  const double pause = static_cast<double>(took_nanos) * (std::ceil(share) / share - 1);
  if (pause > 0) {
    resting_until_.push_back(
        clock_.MonotonicNanos() +
        static_cast<int64_t>(std::min(pause, static_cast<double>(kPauseMaxNanos))));
  }
  left_.notify_all();
}

void BrokerGate::OnProbeSent(int64_t now_nanos) {
  std::lock_guard lock(mutex_);
  probe_sent_nanos_ = now_nanos;
}

void BrokerGate::OnProbeAnswered(int64_t sent_nanos, int64_t answered_nanos) {
  std::lock_guard lock(mutex_);
  probe_sent_nanos_ = 0;
  controller_.OnAnswer(sent_nanos, answered_nanos);
  controller_.Advance(answered_nanos, 0);
}

void BrokerGate::OnProbeLost() {
  std::lock_guard lock(mutex_);
  probe_sent_nanos_ = 0;
  controller_.OnLost();
}

BrokerGate::Reading BrokerGate::Read() {
  std::lock_guard lock(mutex_);
  return {controller_.times_reduced(), controller_.mean_share(clock_.MonotonicNanos()),
          controller_.baseline_nanos()};
}

}  // namespace maxbrod::engine
