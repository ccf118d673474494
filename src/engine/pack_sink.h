// The backup's side of the fetch pool: runs of batches become blocks in packs. Workers share the
// open packs; a full one is sealed beside the reading.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/branch_plan.h"
#include "engine/fetch_pool.h"
#include "os/work_queue.h"
#include "repo/repository.h"

namespace maxbrod::engine {

struct PackSinkOptions {
  size_t pack_bytes = 0;     // no pack is larger, unless a single run is
  size_t open_packs = 1;     // being filled at once, at most
  size_t sealing_packs = 1;  // on their way into the store at once, at most, beside the open ones
  size_t commit_bytes = 0;   // commit once so much is stored and not committed
  Millis commit_interval{0};
  repo::PackOptions pack;
  Clock* clock = nullptr;
};

// `ranges` and `plans` go in step (same index); both outlive the sink. Destroyed before Finish, it
// stops what is being stored.
class PackSink : public RangeSink {
 public:
  PackSink(repo::Repository& repository, std::vector<ReadRange>& ranges,
           const std::vector<PartitionPlan>& plans, const PackSinkOptions& options,
           const CallContext& context);

  Status OnRun(size_t worker, ReadRange& range, const BatchRun& run,
               const std::vector<std::pair<int64_t, int64_t>>& aborted) override;
  Status OnDone(size_t worker, ReadRange& range) override;
  Status OnWorkerEnd(size_t worker) override;

  // After reading: seals what is open, and waits for all that is on its way. Returns what is stored
  // and not committed yet, with all claims of the ranges that are done. Claims of compacted ranges
  // are only made here.
  Result<format::AddPacks> Finish();
  uint64_t stored_bytes() const;
  uint64_t plain_bytes() const;

 private:
  // A run, in the order of reading. Claims follow that order, whatever pack is stored first: else
  // a backup that is killed would leave a hole in what is claimed.
  struct Piece {
    int64_t from = 0, to = 0;
    int32_t epoch = -1;
    bool stored = false;
  };
  struct PieceRef {
    size_t range = 0;
    uint64_t number = 0;
  };
  struct Lane {
    std::mutex mutex;
    std::unique_ptr<repo::PackWriter> pack;
    std::vector<PieceRef> pieces;
  };
  struct RangeState {
    int64_t position = 0;       // up to here blocks were made
    std::deque<Piece> pieces;   // not claimed yet
    uint64_t first_number = 0;  // of pieces.front()
    int64_t claimed = 0;        // up to here
    bool any_claim = false;
    int32_t last_epoch = -1;  // of the last batch claimed
  };

  bool Fits(const repo::PackWriter& pack, const BatchRun& run) const;
  PieceRef AddPiece(size_t range, const BatchRun& run);
  // Hands the lane's pack to the sealers. Caller holds the lane's mutex.
  Status Close(Lane* lane);
  Status Seal(repo::PackWriter& pack, const std::vector<PieceRef>& pieces,
              const CallContext& context);
  Status MaybeCommit(const CallContext& context);
  // Claims of what is stored, but not claimed yet. Caller holds mutex_.
  void CollectClaims(bool final, format::AddPacks* out);
  void ClaimStored(size_t range, bool without_holes, format::AddPacks* out);
  void AddClaim(size_t range, int64_t from, int64_t to, bool without_holes, format::AddPacks* out);

  repo::Repository& repository_;
  std::vector<ReadRange>& ranges_;
  const std::vector<PartitionPlan>& plans_;
  const PackSinkOptions options_;
  const CallContext context_;

  std::vector<Lane> lanes_;
  mutable std::mutex mutex_;
  std::vector<RangeState> states_;
  std::vector<format::PackRef> sealed_;
  uint64_t sealed_bytes_ = 0, stored_total_ = 0, plain_total_ = 0;
  int64_t last_commit_nanos_ = 0;
  bool committing_ = false;
  WorkQueue sealers_;  // last: its threads use all of the above
};

}  // namespace maxbrod::engine
