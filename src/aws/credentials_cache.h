// Keeps credentials until they nearly expire.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <random>

#include "aws/credentials_source.h"

namespace maxbrod::aws {

// Thread-safe. One caller fetches, the others go on with what is still valid, or wait for it.
//
// Fetched anew from five minutes before they expire (less, by a random minute, so that many
// processes do not come at once; a third of the lifetime where that is shorter), or after
// Refused(). When that fails while the old ones are still valid, these are used, with a warning,
// and it is tried again half a minute later.
class CachingCredentials : public CredentialsProvider {
 public:
  CachingCredentials(std::unique_ptr<CredentialsSource> source, Clock& clock);

  Result<Credentials> Get(const CallContext& context) override;
  void Refused(const Credentials& credentials) override;

 private:
  bool Valid(int64_t now_ms) const;
  void Keep(Credentials credentials, int64_t now_ms);
  Result<Credentials> Fetch(std::unique_lock<std::mutex>& lock, const CallContext& context);

  const std::unique_ptr<CredentialsSource> source_;
  Clock& clock_;
  std::mutex mutex_;
  std::condition_variable_any fetched_;
  std::optional<Credentials> kept_;
  int64_t fetch_from_ms_ = 0;  // 0: never
  bool refused_ = false;
  bool fetching_ = false;
  uint64_t failures_ = 0;
  Status last_failure_;
  std::mt19937 random_;
};

}  // namespace maxbrod::aws
