// Reads ranges of partitions from a cluster with several connections per broker, whatever leaders
// do meanwhile. Backup and live verification are both a sink behind it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/batch_scan.h"
#include "engine/pace.h"
#include "engine/progress.h"
#include "engine/read_range.h"
#include "kafka/cluster.h"

namespace maxbrod::engine {

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
  // Beside them, one partition each: those that a broker has to read from remote storage.
  size_t remote_reads = 2;
  // A response is as small as keeps it in the CPU's cache while it is checked and written, and
  // grows up to this where the round trip is long.
  size_t response_bytes_max = 16 << 20;
  size_t run_bytes = 8 << 20;
  // A broker or partition that gives nothing for so long is an error. Only the time counts in
  // which it was asked and could have answered: neither waiting for our own limits, nor for the
  // broker's quotas, nor while other partitions filled the answers.
  Millis stall_limit{120'000};
  Clock* clock = &Clock::System();

  // Sizes for `workers` workers that share `memory` for their responses.
  void ShareMemory(size_t memory, size_t workers);
};

struct FetchTotals {
  uint64_t requests = 0;
  uint64_t bytes = 0;
  uint64_t partitions_in_requests = 0;
  std::map<int32_t, uint64_t> bytes_by_broker;
  uint64_t remote_requests = 0;  // for data in remote storage
  void Add(const FetchTotals& other);
};

// Upper bound of the workers ReadRanges will use, for sinks that keep one thing per worker.
size_t WorkerCount(const kafka::Cluster& cluster, const std::vector<ReadRange>& ranges,
                   const FetchOptions& options);

// Reads all ranges. Per-range trouble (topic gone, no right, corrupt batch) stands in the range's
// status; a non-OK result means that the whole reading stopped (sink failed, cancelled, no broker
// for stall_limit).
Result<FetchTotals> ReadRanges(kafka::Cluster& cluster, std::vector<ReadRange>& ranges,
                               RangeSink& sink, const FetchOptions& options, Pace& pace,
                               Progress& progress, const CallContext& context);

}  // namespace maxbrod::engine
