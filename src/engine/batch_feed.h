// One partition's log as a restore makes it: filler below the first batch, then, step by step, the
// snapshot's batches with their headers made fit for producing, and what stands in for the offsets
// that hold no record. Reads blocks on demand and holds one at a time.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "engine/restore_plan.h"
#include "kafka/batch.h"
#include "kafka/record.h"
#include "os/deadline.h"

namespace maxbrod::engine {

struct ProducerIdentity {
  int64_t id = -1;
  int16_t epoch = -1;
};

enum class StepKind : uint8_t {
  kBatch,    // produce
  kAborted,  // produce inside the transaction that will be aborted
  kMarkers,  // write empty transaction markers, one per offset
  kAbort,    // abort the transaction: its marker takes the offset
};

// What comes next. Offsets are the target's.
struct StepView {
  StepKind kind = StepKind::kBatch;
  int64_t base_offset = 0;
  int64_t next_offset = 0;
  size_t transaction = 0;  // kAborted, kAbort: index into the plan's aborted transactions
};

// A step ready to be carried out. `payload` points into the feed; valid until the feed's next
// Take, Seek or Unload.
struct PreparedStep : StepView {
  uint64_t records = 0;                                  // the snapshot's; 0 for filler and markers
  std::array<uint8_t, kafka::kBatchHeaderBytes> header;  // of batches
  ByteView payload;                                      // what follows the header
  size_t bytes() const { return header.size() + payload.size(); }
};

struct FeedOptions {
  ProducerIdentity producer;
  std::vector<ProducerIdentity> slots;  // by PlannedAbort::slot
  int32_t markers_per_step = 1000;
  // Dense: records only, one after another; where each goes. Null: everything at its own offset.
  const repo::OffsetMap* map = nullptr;
};

// Not thread-safe. The plan's partition, the repository's store and the fillers must outlive it.
class BatchFeed {
 public:
  BatchFeed(store::Store& store, const PlannedPartition& partition, FeedOptions options,
            kafka::FillerBatches& fillers);

  // Finds where the batches begin (reads the first block where the log start is above 0).
  Status Open(const CallContext& context);
  int64_t data_start() const { return data_start_; }
  // Where the first step after the padding ends; data_start() where nothing is padded.
  int64_t first_step_end() const { return first_step_end_; }

  // Steps from here on are not given out. In offsets of the target.
  void StopAt(int64_t offset) { stop_at_ = offset; }
  int64_t position() const { return position_; }
  bool AtEnd() const { return position_ >= stop_at_; }

  // Goes on at `offset` of the target: where a step begins, or anywhere in filler and markers.
  // kOffsetMismatch elsewhere (somebody else's records are in the log).
  Status Seek(int64_t offset, const CallContext& context);
  // The next step, which stays the next one. Never beyond AtEnd().
  Status Peek(StepView* out, const CallContext& context);
  // The next step; advances. Never beyond AtEnd().
  Status Take(PreparedStep* out, const CallContext& context);
  // Bytes of the next block it would load, 0 when the current one goes on. For the memory budget.
  uint64_t BytesToLoad() const;
  uint64_t loaded_bytes() const { return buffer_.capacity() + pending_bytes_; }
  // Gives the current block's memory back; it is read again when needed.
  void Unload();

 private:
  // A step that is known but not given out yet, in the source's offsets. Either `view` (of the
  // block) or `owned`; neither for markers and filler.
  struct Pending {
    StepKind kind = StepKind::kBatch;
    int64_t base = 0, next = 0;
    uint64_t records = 0;
    size_t transaction = 0;
    int64_t timestamp = 0;  // of filler
    ByteView view;
    Bytes owned;
    bool filler() const { return kind == StepKind::kBatch && view.empty() && owned.empty(); }
  };

  Status LoadBlock(size_t index, const CallContext& context);
  // Makes pending_ non-empty unless the log is at its end.
  Status Prepare(const CallContext& context);
  bool MarkersGoOn() const;
  bool BlockGoesOn() const;
  Status ExpandNext(const CallContext& context);
  Status ExpandFromBlock();
  int64_t Floor() const;
  Status Expand(const kafka::BatchEntry& entry);
  Status ExpandControl(const kafka::BatchEntry& entry);
  Status ExpandSplit(const kafka::BatchEntry& entry);
  void AddHole(int64_t from, int64_t to);
  void AddMarkers(int64_t from, int64_t to);
  int64_t StepEnd(int64_t base) const;
  void AddEnd();
  void ClearPending();
  Status Trim();

  Status Finish(const Pending& step, PreparedStep* out);
  Status FinishBatch(ByteView batch, const Pending& step, PreparedStep* out);
  int32_t TakeSequence(int64_t base, int64_t next);
  // How many records each slot's transactions hold below `offset`.
  Status CountSlots(int64_t offset, const CallContext& context);
  static Result<int64_t> CountWithin(ByteView entry, int64_t from, int64_t to);

  store::Store& store_;
  const PlannedPartition& partition_;
  const FeedOptions options_;
  kafka::FillerBatches& fillers_;
  int64_t data_start_ = 0, first_step_end_ = 0;
  int64_t filler_timestamp_ = 0;  // below the first batch
  int64_t position_ = 0;          // on the target
  int64_t source_ = 0;            // steps below are taken
  int64_t stop_at_ = 0;
  size_t block_ = SIZE_MAX;  // index of the loaded block
  Bytes buffer_;
  ByteView batches_;  // in buffer_
  size_t buffer_position_ = 0;
  int64_t expanded_ = 0;  // of the source: steps below are pending or taken
  int64_t last_timestamp_ = 0;
  std::deque<Pending> pending_;
  uint64_t pending_bytes_ = 0;
  Bytes current_;  // what the step given out last points into
  std::shared_ptr<const Bytes> filler_;
  // What the plain producer was given, without what lies between: offsets of the target, and the
  // sequence at `base`.
  struct SequenceRun {
    int64_t base = 0, next = 0;
    int64_t sequence = 0;
  };
  std::deque<SequenceRun> runs_;
  std::vector<int64_t> slot_records_;
};

}  // namespace maxbrod::engine
