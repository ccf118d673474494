// The backup's side of the fetch pool: runs of batches become blocks in packs, one open pack per
// worker.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/branch_plan.h"
#include "engine/fetch_pool.h"
#include "repo/repository.h"

namespace maxbrod::engine {

struct PackSinkOptions {
  size_t pack_bytes = 0;
  size_t commit_bytes = 0;  // commit once so much is stored and not committed
  Millis commit_interval{0};
  repo::PackOptions pack;
  Clock* clock = nullptr;
};

// `ranges` and `plans` go in step (same index); both outlive the sink.
class PackSink : public RangeSink {
 public:
  PackSink(repo::Repository& repository, std::vector<ReadRange>& ranges,
           const std::vector<PartitionPlan>& plans, size_t workers, const PackSinkOptions& options,
           const CallContext& context);

  Status OnRun(size_t worker, ReadRange& range, const BatchRun& run,
               const std::vector<std::pair<int64_t, int64_t>>& aborted) override;
  Status OnDone(size_t worker, ReadRange& range) override;
  Status OnWorkerEnd(size_t worker) override;

  // After reading: what is stored and not committed yet, with all claims of the ranges that are
  // done. Claims of compacted ranges are only made here.
  format::AddPacks TakeRest();
  uint64_t stored_bytes() const;
  uint64_t plain_bytes() const;

 private:
  // A block in an open pack: what it will claim once the pack is sealed.
  struct PendingClaim {
    size_t range = 0;
    int64_t from = 0, to = 0;
    int32_t epoch = -1;
  };
  struct Worker {
    std::unique_ptr<repo::PackWriter> pack;
    std::vector<PendingClaim> claims;
  };
  struct RangeState {
    int64_t position = 0;       // up to here blocks were made
    repo::OffsetRanges stored;  // in sealed packs
    int64_t claimed = 0;        // up to here committed
    bool any_claim = false;
    int32_t last_epoch = -1;  // of the last batch in sealed packs
  };

  Status Seal(Worker* worker);
  Status MaybeCommit();
  // Claims of what is stored, but not claimed yet. Caller holds mutex_.
  void CollectClaims(bool final, format::AddPacks* out);
  void AddClaim(size_t range, int64_t from, int64_t to, bool final, format::AddPacks* out);

  repo::Repository& repository_;
  std::vector<ReadRange>& ranges_;
  const std::vector<PartitionPlan>& plans_;
  const PackSinkOptions options_;
  const CallContext context_;

  std::vector<Worker> workers_;
  mutable std::mutex mutex_;
  std::vector<RangeState> states_;
  std::vector<format::PackRef> sealed_;
  uint64_t sealed_bytes_ = 0, stored_total_ = 0, plain_total_ = 0;
  int64_t last_commit_nanos_ = 0;
  bool committing_ = false;
};

}  // namespace maxbrod::engine
