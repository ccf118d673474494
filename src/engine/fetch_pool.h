// Reads ranges of partitions from a cluster with several connections per broker, whatever leaders
// do meanwhile. Backup and live verification are both a sink behind it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/batch_scan.h"
#include "engine/progress.h"
#include "engine/rate_limiter.h"
#include "kafka/cluster.h"

namespace maxbrod::engine {

// [start, end) of one partition, and how far reading got. Owned by the caller; a worker writes to
// it while it reads.
struct ReadRange {
  std::string topic;
  TopicId topic_id;
  int32_t partition = 0;
  int64_t start_offset = 0;
  int64_t end_offset = 0;
  bool compacted = false;  // a hole may reach the end
  // Results.
  ScanCursor cursor;
  int64_t log_start_seen = -1;  // newest log start offset a response told
  int64_t torn_to = -1;         // retention overtook the reading: what lies below was lost (-1: no)
  bool done = false;
  Status status;  // why it was given up
  TopicPartition tp() const { return {topic, partition}; }
};

// Calls for one range come in offset order and never at the same time; calls for different ranges
// do, from the thread of worker `worker`. Views are valid during the call only.
class RangeSink {
 public:
  virtual ~RangeSink() = default;
  virtual Status OnRun(size_t worker, ReadRange& range, const BatchRun& run,
                       const std::vector<std::pair<int64_t, int64_t>>& aborted) = 0;
  // The range was read to its end (not called for ranges that were given up).
  virtual Status OnDone(size_t worker, ReadRange& range) = 0;
  // The worker has nothing more to read.
  virtual Status OnWorkerEnd(size_t worker) = 0;
};

struct FetchOptions {
  size_t connections_per_broker = 4;
  // A response is as small as keeps it in the CPU's cache while it is checked and written, and
  // grows up to this where the round trip is long.
  size_t response_bytes_max = 16 << 20;
  size_t run_bytes = 8 << 20;
  Millis stall_limit{120'000};  // a broker or partition that gives nothing for so long is an error
  Clock* clock = &Clock::System();
};

struct FetchTotals {
  uint64_t requests = 0;
  uint64_t bytes = 0;
  uint64_t partitions_in_requests = 0;
};

// Upper bound of the workers ReadRanges will use, for sinks that keep one thing per worker.
size_t WorkerCount(const kafka::Cluster& cluster, const std::vector<ReadRange>& ranges,
                   const FetchOptions& options);

// Reads all ranges. Per-range trouble (topic gone, no right, corrupt batch) stands in the range's
// status; a non-OK result means that the whole reading stopped (sink failed, cancelled, no broker
// for stall_limit).
Result<FetchTotals> ReadRanges(kafka::Cluster& cluster, std::vector<ReadRange>& ranges,
                               RangeSink& sink, const FetchOptions& options, RateLimiter& limiter,
                               Progress& progress, const CallContext& context);

}  // namespace maxbrod::engine
