// Tries again what failed for a passing reason, and turns doubt about a write into knowledge by
// reading back.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "store/forwarding_store.h"
#include "store/object_control.h"

namespace maxbrod::store {

// One try that failed and will be followed by another. For logs.
struct RetryEvent {
  std::string what;  // "put of 'log/00000000000000000007'"
  int tries = 0;     // so far
  Millis wait{0};
  std::string reason;
};

struct RetryPolicy {
  // The wait before try n+1 is uniform in [0, min(backoff_max, backoff_first * 2^(n-1))] ("full
  // jitter", so that many writers do not come back together).
  Millis backoff_first{200};
  Millis backoff_max{20'000};
  // No further try begins later than this after the first; the call's own deadline may end it
  // sooner.
  Millis budget{300'000};
  // Bounds each single try, so that one lost reply does not eat the whole deadline; 0: no bound.
  Millis try_timeout{0};
  uint64_t seed = 0;  // of the jitter; 0: a random one
  Clock* clock = &Clock::System();
  std::function<void(const RetryEvent&)> on_retry;  // may be empty; called by many threads
};

// What is retried: errors that say `retryable`, and kTimeout of a single try. Reads and lists: any
// number of times. Writes: only with the very same bytes. After a doubtful outcome (kUnknown) the
// object is read back and compared; until somebody's bytes have been seen there, the answer is
// kUnknown, whatever error came last: an earlier try may still be applied. Bytes found equal answer
// kExistsSame. A streamed object, whose bytes are gone, is compared by length and CRC-32C.
// Thread-safe as its inner store is.
class RetryStore : public ForwardingStore, private ObjectControl {
 public:
  RetryStore(std::shared_ptr<Store> inner, RetryPolicy policy = {});

  using Store::PutIfAbsent;
  Result<PutResult> PutIfAbsent(const std::string& name, std::span<const ByteView> pieces,
                                const CallContext& context) override;
  Result<std::unique_ptr<ObjectWriter>> Create(const std::string& name,
                                               const CallContext& context) override;
  Result<Bytes> Get(const std::string& name, size_t size_max, const CallContext& context) override;
  Status GetRange(const std::string& name, uint64_t offset, MutableByteView out,
                  const CallContext& context) override;
  Result<ObjectInfo> Stat(const std::string& name, const CallContext& context) override;
  Result<ListPage> List(const std::string& prefix, const std::string& start_after, size_t limit,
                        const CallContext& context) override;
  // kNotFound by a second or later try is success: an earlier one, whose reply was lost, removed
  // it.
  Status Remove(const std::string& name, const CallContext& context) override;
  Result<int64_t> NowMillis(const CallContext& context) override;
  ObjectControl* control() override { return inner().control() == nullptr ? nullptr : this; }

  // Tries made beyond the first ones.
  uint64_t retries() const { return retries_.load(std::memory_order_relaxed); }

 private:
  class Tries;
  class Writer;

  Result<ObjectStanding> Standing(const std::string& name, const CallContext& context) override;
  Status Thaw(const std::string& name, int days, ThawTier tier,
              const CallContext& context) override;
  Status Retain(const std::string& name, LockMode mode, int64_t until_ms,
                const CallContext& context) override;
  LockPolicy lock_policy() const override { return inner().control()->lock_policy(); }
  Status RemoveMany(std::span<const std::string> names, const CallContext& context) override;
  Result<uint64_t> AbortStaleUploads(Millis age, const CallContext& context) override;

  template <typename Operation>
  auto Retry(const std::string& what, const CallContext& context, Operation operation);
  uint64_t NextRandom();

  RetryPolicy policy_;
  std::atomic<uint64_t> random_state_;
  std::atomic<uint64_t> retries_{0};
};

}  // namespace maxbrod::store
