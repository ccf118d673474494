// One partition of a cluster against a snapshot's, in step: batches of the cluster come in, blocks
// of the repository are read as far as they reach.
#pragma once

#include <memory>
#include <string>

#include "engine/compaction_ledger.h"
#include "engine/snapshot_stream.h"
#include "engine/verify.h"

namespace maxbrod::engine {

// What was compared. `batches` are the cluster's.
struct CompareTotals {
  uint64_t batches = 0;
  uint64_t batches_decoded = 0;  // of these, the ones compared record by record
  uint64_t records = 0;
  uint64_t bytes = 0;
  uint64_t removed_offsets = 0;    // by retention
  uint64_t compacted_records = 0;  // on one side only, made up for by a later record of their key
  uint64_t not_followed = 0;       // on one side only, and nobody can tell whether rightly
  void Add(const CompareTotals& other);
};

// What to compare: offsets in [start, end) of a partition, as the cluster names it.
struct CompareTask {
  TopicPartition partition;
  int64_t start = 0;
  int64_t end = 0;
  bool compacted = false;  // on the cluster
  bool reads_on = false;   // batches come up to the log's end: later records of a key are seen
  bool retention_may_remove =
      false;  // what the cluster's log no longer holds at its start is no difference
  std::vector<repo::BlockUse> blocks;
};

// Not thread-safe. Everything given must outlive it.
class PartitionComparer {
 public:
  PartitionComparer(store::Store& store, const CompareTask& task, DifferenceList* differences,
                    ProblemList* problems, std::atomic<int64_t>* ledger_budget);

  // The cluster's next batch. Batches beyond the task's end only count where compaction needs them.
  // A non-OK result means that the repository cannot be read; damage in it becomes a problem and
  // its block is skipped.
  Status OnBatch(const kafka::BatchEntry& live, const CallContext& context);
  // Retention took what lies below `offset`.
  void OnRemoved(int64_t offset);
  // The cluster holds nothing below `offset`, and not by retention.
  Status OnNothing(int64_t offset, const CallContext& context);
  // The cluster's log was read to the end: what is left of the snapshot is missing there. Call
  // once.
  Status Finish(const CallContext& context);
  bool finished() const { return finished_; }
  const CompareTask& task() const { return task_; }

  int64_t position() const { return position_; }
  const CompareTotals& totals() const { return totals_; }
  uint64_t loaded_bytes() const { return stream_.loaded_bytes() + buffer_.capacity(); }
  void Unload();

 private:
  // A run of differences of one kind with nothing right between them, told as one.
  struct Run {
    DifferenceKind kind = DifferenceKind::kMissing;
    int64_t first = 0, last = 0;
    uint64_t count = 0;
    std::string what;
  };

  Status Compare(const kafka::BatchEntry& live, const CallContext& context);
  Status CompareRecords(const kafka::BatchEntry& live, const CallContext& context);
  Status CompareRecord(const kafka::RecordView& live, const CallContext& context);
  // The cluster has nothing in [position, limit).
  Status NothingUntil(int64_t limit, const CallContext& context);
  Status FollowKeys(const kafka::BatchEntry& live);
  // OK when the trouble is damage; then position() is beyond it.
  Status GiveUpBlock(const Status& status);
  void Tell(DifferenceKind kind, int64_t first, int64_t last, uint64_t count,
            const std::string& what);
  void Flush();
  void TellUnsettled();

  const CompareTask& task_;
  DifferenceList& differences_;
  ProblemList& problems_;
  SnapshotStream stream_;
  std::unique_ptr<CompactionLedger> ledger_;  // compacted topics
  int64_t position_ = 0;                      // below it everything is compared
  Run run_;
  Bytes buffer_;
  CompareTotals totals_;
  bool finished_ = false;
};

}  // namespace maxbrod::engine
