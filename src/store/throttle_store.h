// Limits how many bytes per second go up to and come down from a store.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "store/forwarding_store.h"

namespace maxbrod::store {

// Tokens are bytes; they come in at a fixed rate, up to a burst. A request larger than the burst
// waits only until the bucket is full and then leaves it in debt, so that every request can pass
// and the long-run rate still holds. Requests pass in the order of their calls. Thread-safe.
class TokenBucket {
 public:
  // A rate of 0 means no limit. The bucket begins full.
  TokenBucket(uint64_t bytes_per_second, uint64_t burst_bytes, Clock& clock);

  // Takes `bytes` tokens, waiting for them. kTimeout at once when the deadline comes before they
  // do, kCancelled on a stop request; in both cases the tokens are given back.
  Status Take(uint64_t bytes, const CallContext& context);
  // Takes tokens for what has already passed: never waits, may leave a debt.
  void Charge(uint64_t bytes);

 private:
  void Refill();  // mutex_ is held

  const double rate_per_nano_;
  const double burst_;
  Clock& clock_;
  std::mutex mutex_;
  double tokens_;
  int64_t refilled_nanos_;
};

struct ThrottleOptions {
  uint64_t upload_bytes_per_second = 0;  // 0: no limit
  uint64_t download_bytes_per_second = 0;
  // What may pass at once after a pause.
  uint64_t burst_bytes = 1 << 20;
  Clock* clock = &Clock::System();  // must outlive the store
};

// Only the bytes of objects are counted. The length of a Get is known only when it is there: it is
// charged afterwards, and the next request waits for it. Thread-safe.
class ThrottleStore : public ForwardingStore {
 public:
  ThrottleStore(std::shared_ptr<Store> inner, const ThrottleOptions& options);

  using Store::PutIfAbsent;
  Result<PutResult> PutIfAbsent(const std::string& name, std::span<const ByteView> pieces,
                                const CallContext& context) override;
  Result<std::unique_ptr<ObjectWriter>> Create(const std::string& name,
                                               const CallContext& context) override;
  Result<Bytes> Get(const std::string& name, size_t size_max, const CallContext& context) override;
  Status GetRange(const std::string& name, uint64_t offset, MutableByteView out,
                  const CallContext& context) override;

 private:
  class Writer;
  TokenBucket up_;
  TokenBucket down_;
};

}  // namespace maxbrod::store
