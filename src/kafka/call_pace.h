// What all connections of one client share about their pace: how many requests a second, and how
// long brokers held them back.
#pragma once

#include <cstdint>
#include <mutex>

#include "os/token_bucket.h"

namespace maxbrod::kafka {

// Thread-safe. Requests of a connection's handshake (ApiVersions, SASL) pass uncounted: there are
// a few for each connection, and an authentication has a deadline.
class CallPace {
 public:
  explicit CallPace(Clock& clock = Clock::System()) : clock_(clock), requests_(0, clock) {}

  // Requests per second, to all brokers together; 0: unlimited.
  void SetRequestRate(double per_second) { requests_.SetRate(per_second); }
  double request_rate() const { return requests_.per_second(); }
  // Waits until one more request may be sent. Errors as TokenBucket::Take.
  Status BeforeRequest(const CallContext& context) { return requests_.Take(1, context); }

  // A broker's quota mutes a connection for so long from now (KIP-219).
  void OnThrottled(Millis duration);
  // How long at least one connection was muted: the union of the times told, up to now.
  double throttled_seconds() const;

 private:
  Clock& clock_;
  TokenBucket requests_;
  mutable std::mutex mutex_;
  int64_t throttled_nanos_ = 0;
  int64_t throttled_until_ = 0;
};

}  // namespace maxbrod::kafka
