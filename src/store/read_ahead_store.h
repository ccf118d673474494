// Reads before it is asked, where each request takes its time and costs money: neighbouring ranges
// come with one request, several requests run at once, and readers find in memory what they need.
//
//   ReadAheadStore ahead(store, options);
//   ahead.Expect({{"pack/3f/ab..", 16, 1000}, {"pack/3f/ab..", 5000, 700}});  // one reader's
//   ahead.Start();
//   ahead.GetRange("pack/3f/ab..", 16, out, context);
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/limits.h"
#include "store/forwarding_store.h"

namespace maxbrod::store {

struct ReadAheadOptions {
  uint64_t memory = 128 * kMiB;         // of what was read and not asked for yet, at most
  size_t threads = 4;                   // requests at once, beside those of readers in need
  uint64_t segment_bytes = 8 * kMiB;    // one request's, at most, unless a single range is larger
  uint64_t gap_bytes_max = 256 * kKiB;  // unwanted bytes between two ranges of one request
  // Read and not touched for so long, it makes room for what is needed now.
  Millis stale_after{10'000};
  Clock* clock = &Clock::System();  // must outlive the store
};

struct ExpectedRead {
  std::string name;
  uint64_t offset = 0;
  uint64_t size = 0;  // above 0
};

struct ReadAheadStats {
  uint64_t requests = 0;     // for whole segments
  uint64_t bytes = 0;        // of these
  uint64_t from_memory = 0;  // GetRanges answered by them
  uint64_t direct = 0;  // GetRanges handed through: not expected, asked again, or no memory left
};

// GetRange is thread-safe after Start; Expect and Start are not. A range that is asked for a second
// time, or that nobody expected, is read from the store below: correctness never depends on what
// was expected. Errors are those of such a read.
class ReadAheadStore final : public ForwardingStore {
 public:
  ReadAheadStore(std::shared_ptr<Store> inner, const ReadAheadOptions& options);
  ~ReadAheadStore() override;

  // What one reader will ask for, in its order. Several readers go on at the same time.
  void Expect(std::span<const ExpectedRead> reads);
  // Call once, after the last Expect. Reading begins.
  void Start();

  Status GetRange(const std::string& name, uint64_t offset, MutableByteView out,
                  const CallContext& context) override;
  ReadAheadStats stats() const;

 private:
  enum class State : uint8_t { kIdle, kQueued, kLoading, kLoaded, kDone };
  struct Read {
    uint64_t offset = 0, size = 0;
    uint32_t object = 0, segment = 0;
    bool last = false;  // of its reader
    bool served = false;
  };
  struct Segment {
    uint64_t offset = 0, size = 0;
    uint32_t object = 0;
    uint32_t left = 0;  // reads not served
    State state = State::kIdle;
    std::shared_ptr<const Bytes> data;
    int64_t touched_nanos = 0;
  };
  struct Object {
    std::string name;
    std::vector<uint32_t> reads;  // by offset
  };

  void CutSegments(Object& object);
  // All below: the caller holds mutex_.
  Read* Find(const std::string& name, uint64_t offset, uint64_t size);
  bool Reserve(uint64_t bytes);
  bool EvictStale(uint64_t bytes);
  void QueueAhead(const Read& read, size_t segments);
  void Served(Read& read);
  // Reads the segment, for which memory is reserved; gives the lock up meanwhile.
  void Load(Segment& segment, std::unique_lock<std::mutex>& lock, const CallContext& context);
  bool Takes(const Segment& segment) const;
  void Prefetch(const std::stop_token& stop);

  const ReadAheadOptions options_;
  std::vector<Read> reads_;  // reader after reader
  std::vector<Object> objects_;
  std::vector<Segment> segments_;
  std::unordered_map<std::string, uint32_t> object_of_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<uint32_t> queue_;  // segments to read ahead
  uint64_t used_ = 0;           // bytes of segments loading or loaded
  ReadAheadStats stats_;
  std::vector<std::jthread> threads_;
};

}  // namespace maxbrod::store
