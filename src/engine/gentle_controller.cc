#include "engine/gentle_controller.h"

#include <algorithm>

namespace maxbrod::engine {
namespace {

constexpr double kGrowth = 0.05;  // of the whole, a second
constexpr double kShrinkMost = 0.5, kShrinkLeast = 0.9;
constexpr double kJudged = 0.8;   // quantile of a window
constexpr double kTolerated = 2;  // times the baseline
// Fewer samples of a rest tell nothing: it is lengthened for them, so far.
constexpr size_t kRestSamples = 2;
constexpr int64_t kRestMaxNanos = 5'000'000'000;

int64_t Quantile(std::vector<int64_t> samples, double q) {
  auto nth = samples.begin() +
             static_cast<std::ptrdiff_t>(static_cast<double>(samples.size() - 1) * q + 0.5);
  std::nth_element(samples.begin(), nth, samples.end());
  return *nth;
}

}  // namespace

GentleController::GentleController(double full, int64_t now_nanos)
    : full_(full),
      floor_(std::min(kFloor, full)),
      parallelism_(std::min(1.0, full)),
      window_began_(now_nanos),
      rested_at_(now_nanos),
      begun_(now_nanos),
      accounted_to_(now_nanos) {}

void GentleController::OnAnswer(int64_t sent_nanos, int64_t answered_nanos) {
  if (resting_ && sent_nanos < window_began_ + kRestSettleNanos) return;
  samples_.push_back(std::max<int64_t>(0, answered_nanos - sent_nanos));
}

void GentleController::Advance(int64_t now_nanos, int64_t waiting_since_nanos) {
  Account(now_nanos);
  const int64_t length = resting_ ? kWindowNanos + kRestSettleNanos : kWindowNanos;
  if (now_nanos - window_began_ < length) return;
  const bool too_few = resting_ && samples_.size() < kRestSamples && !lost_;
  if (too_few && now_nanos - window_began_ < kRestMaxNanos) return;
  CloseWindow(now_nanos, waiting_since_nanos);
  samples_.clear();
  lost_ = false;
  window_began_ = now_nanos;
}

void GentleController::CloseWindow(int64_t now_nanos, int64_t waiting_since_nanos) {
  if (resting_) return EndRest(now_nanos);
  if (waiting_since_nanos != 0) {
    int64_t waited = now_nanos - waiting_since_nanos;
    // A probe that is on its way as probes are does not count yet.
    if (waited > 2 * baseline_nanos() + kSlackNanos) samples_.push_back(waited);
  }
  // A second without a probe (our own --request-rate holds them back) says nothing.
  if (lost_) {
    Judge(INT64_MAX);
  } else if (!samples_.empty() && !rests_.empty()) {
    Judge(Quantile(samples_, kJudged));
  }
  if (now_nanos - rested_at_ >= kRestEveryNanos) resting_ = true;
}

void GentleController::EndRest(int64_t now_nanos) {
  resting_ = false;
  rested_at_ = now_nanos;
  if (samples_.size() < kRestSamples) return;
  rests_.push_back(Quantile(samples_, 0.5));
  if (rests_.size() > kRestsKept) rests_.pop_front();
}

void GentleController::Judge(int64_t latency_nanos) {
  const double limit = kTolerated * static_cast<double>(baseline_nanos()) + kSlackNanos;
  const double excess = static_cast<double>(latency_nanos) / limit;
  if (excess > 1) {
    parallelism_ *= std::clamp(1 / excess, kShrinkMost, kShrinkLeast);
    ++times_reduced_;
  } else {
    parallelism_ += full_ * kGrowth * (1 - excess);
  }
  parallelism_ = std::clamp(parallelism_, floor_, full_);
}

int64_t GentleController::baseline_nanos() const {
  return rests_.empty() ? 0 : *std::min_element(rests_.begin(), rests_.end());
}

void GentleController::Account(int64_t now_nanos) {
  share_nanos_ += parallelism() / full_ * static_cast<double>(now_nanos - accounted_to_);
  accounted_to_ = now_nanos;
}

double GentleController::mean_share(int64_t now_nanos) const {
  const auto total = static_cast<double>(now_nanos - begun_);
  if (total <= 0) return parallelism() / full_;
  const auto since = static_cast<double>(now_nanos - accounted_to_);
  return (share_nanos_ + parallelism() / full_ * since) / total;
}

}  // namespace maxbrod::engine
