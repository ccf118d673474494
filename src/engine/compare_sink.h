// Hands what is fetched from a cluster to the comparers of its partitions.
#pragma once

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "engine/compare_partition.h"
#include "engine/fetch_pool.h"

namespace maxbrod::engine {

// `ranges` and `comparers` go in step (same index); both outlive the sink. `memory` bounds the
// blocks that comparers keep while others are at work.
class CompareSink : public RangeSink {
 public:
  CompareSink(std::vector<ReadRange>& ranges,
              std::vector<std::unique_ptr<PartitionComparer>>& comparers, size_t memory,
              const CallContext& context)
      : ranges_(ranges), comparers_(comparers), memory_(memory), context_(context) {}

  Status OnRun(size_t worker, ReadRange& range, const BatchRun& run,
               const std::vector<std::pair<int64_t, int64_t>>& aborted) override;
  Status OnDone(size_t worker, ReadRange& range) override;
  Status OnWorkerEnd(size_t worker) override;

 private:
  PartitionComparer& ComparerOf(const ReadRange& range) {
    return *comparers_[static_cast<size_t>(&range - ranges_.data())];
  }
  // Retention may overtake the reading.
  Status MoveLogStart(const ReadRange& range, PartitionComparer* comparer);

  std::vector<ReadRange>& ranges_;
  std::vector<std::unique_ptr<PartitionComparer>>& comparers_;
  const size_t memory_;
  const CallContext& context_;
  std::atomic<uint64_t> loaded_{0};
};

}  // namespace maxbrod::engine
