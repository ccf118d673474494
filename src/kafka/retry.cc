#include "kafka/retry.h"

#include <algorithm>

namespace maxbrod::kafka {
namespace {
constexpr int64_t kNanosPerMilli = 1'000'000;
constexpr double kJitter = 0.2;  // as CommonClientConfigs.RETRY_BACKOFF_JITTER of the Java client
}  // namespace

Retry::Retry(const ClientConfig& config, const CallContext& context)
    : context_(context.Within(config.api_timeout)),
      backoff_(config.retry_backoff),
      backoff_max_(std::max(config.retry_backoff, config.retry_backoff_max)),
      started_nanos_(Clock::System().MonotonicNanos()),
      random_(std::random_device()()) {}

bool Retry::Helps(const Status& status) {
  return status.retryable() || status.code() == Code::kTimeout;
}

Millis Retry::elapsed() const {
  return Millis((Clock::System().MonotonicNanos() - started_nanos_) / kNanosPerMilli);
}

Status Retry::Wait(Status last) {
  ++tries_;
  if (context_.stop.stop_requested()) return Status(Code::kCancelled, "stopped");
  if (!Helps(last)) return last;
  if (last.code() != Code::kTimeout) cause_ = last;
  std::uniform_real_distribution<double> jitter(1 - kJitter, 1 + kJitter);
  Millis sleep(static_cast<int64_t>(static_cast<double>(backoff_.count()) * jitter(random_)) + 1);
  backoff_ = std::min(backoff_ * 2, backoff_max_);
  if (context_.deadline.Remaining() <= sleep) {
    if (!cause_.ok()) last = cause_;
    return std::move(last).WithContext("gave up after " + std::to_string(tries_) + " tries in " +
                                       std::to_string(elapsed().count()) + " ms");
  }
  if (!Clock::System().Sleep(sleep, context_.stop)) return Status(Code::kCancelled, "stopped");
  return Status::Ok();
}

}  // namespace maxbrod::kafka
