// Counts what passes: requests, bytes, time, outcomes.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "store/forwarding_store.h"
#include "store/store_method.h"

namespace maxbrod::store {

struct MethodMetrics {
  uint64_t calls = 0;
  uint64_t not_found = 0;  // an answer rather than an error
  uint64_t errors = 0;     // all other failures, and writes of unknown outcome
  uint64_t bytes_up = 0;   // of successful calls
  uint64_t bytes_down = 0;
  uint64_t nanos_total = 0;
  uint64_t nanos_max = 0;
};

struct StoreMetrics {
  std::array<MethodMetrics, kStoreMethods> by_method;
  // Outcomes of PutIfAbsent and Commit.
  uint64_t created = 0;
  uint64_t exists_same = 0;
  uint64_t exists_other = 0;
  uint64_t unknown = 0;

  const MethodMetrics& Of(StoreMethod method) const {
    return by_method[static_cast<size_t>(method)];
  }
  uint64_t bytes_up() const;
  uint64_t bytes_down() const;
};

// Thread-safe; counting costs a few uncontended atomic additions per call.
class MetricsStore : public ForwardingStore {
 public:
  explicit MetricsStore(std::shared_ptr<Store> inner, Clock& clock = Clock::System());

  // The counts so far. Taken while calls run, its numbers may be a call apart from each other.
  StoreMetrics Snapshot() const;

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
  Status Remove(const std::string& name, const CallContext& context) override;
  Result<int64_t> NowMillis(const CallContext& context) override;

 private:
  class Writer;
  struct Counters {
    std::atomic<uint64_t> calls{0}, not_found{0}, errors{0}, bytes_up{0}, bytes_down{0};
    std::atomic<uint64_t> nanos_total{0}, nanos_max{0};
  };

  template <typename Call>
  auto Timed(StoreMethod method, Call call);
  Counters& Of(StoreMethod method) { return counters_[static_cast<size_t>(method)]; }
  void CountOutcome(StoreMethod method, const Result<PutResult>& put, uint64_t bytes);

  Clock& clock_;
  std::array<Counters, kStoreMethods> counters_;
  std::array<std::atomic<uint64_t>, 4> outcomes_{};  // by PutOutcome
};

}  // namespace maxbrod::store
