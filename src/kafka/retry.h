// Capped, jittered, exponential backoff until a deadline.
#pragma once

#include <random>

#include "kafka/client_config.h"
#include "os/deadline.h"

namespace maxbrod::kafka {

// One operation with all its tries. Not thread-safe.
class Retry {
 public:
  // The operation ends with `context`, and after config.api_timeout.
  Retry(const ClientConfig& config, const CallContext& context);

  // What each try is to be given.
  const CallContext& context() const { return context_; }
  // A lost or silent peer, or a broker's error that says so. Not a deadline of the caller's.
  static bool Helps(const Status& status);
  // OK after a sleep. The error to return instead when `last` cannot be cured by another try, when
  // no time is left, or when stopped (kCancelled). The try that the deadline itself cut short says
  // nothing, so the error of one before it is returned then.
  Status Wait(Status last);
  int tries() const { return tries_; }
  Millis elapsed() const;

 private:
  CallContext context_;
  Millis backoff_, backoff_max_;
  Status cause_;  // the last one that was no timeout
  int tries_ = 0;
  int64_t started_nanos_;
  std::minstd_rand random_;
};

}  // namespace maxbrod::kafka
