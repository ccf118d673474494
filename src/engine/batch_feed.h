// One partition's log as a restore produces it: filler below the first batch, then the snapshot's
// batches with their headers made fit for producing. Reads blocks on demand and holds one at a
// time.
#pragma once

#include <array>
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

// A batch ready to be sent. `pieces` point into itself and into the feed; valid until the feed's
// next Take or Seek.
struct PreparedBatch {
  int64_t base_offset = 0;
  int64_t next_offset = 0;
  uint64_t records = 0;  // 0 for filler
  std::array<uint8_t, kafka::kBatchHeaderBytes> header;
  ByteView payload;  // what follows the header
  size_t bytes() const { return header.size() + payload.size(); }
};

// Not thread-safe. The plan's partition, the repository and the fillers must outlive it.
class BatchFeed {
 public:
  BatchFeed(repo::Repository& repository, const PlannedPartition& partition,
            ProducerIdentity producer, kafka::FillerBatches& fillers);

  // Finds where the batches begin (reads the first block where the log start is above 0).
  Status Open(const CallContext& context);
  int64_t data_start() const { return data_start_; }
  // Next offset after the first batch; data_start() when there is none or the log starts at 0.
  int64_t first_batch_end() const { return first_batch_end_; }
  int64_t end() const { return partition_.end; }
  int64_t position() const { return position_; }
  bool AtEnd() const { return position_ >= partition_.end; }

  // Goes on at `offset`: anywhere in the filler, or where a batch begins. kOffsetMismatch when it
  // is inside a batch (somebody else's records are in the log).
  Status Seek(int64_t offset, const CallContext& context);
  // The next batch; advances. Never beyond AtEnd().
  Status Take(PreparedBatch* out, const CallContext& context);
  // Bytes of the next block it would load, 0 when the current one goes on. For the memory budget.
  uint64_t BytesToLoad() const;
  uint64_t loaded_bytes() const { return buffer_.capacity(); }
  // Gives the current block's memory back; it is read again when needed.
  void Unload();

 private:
  Status FindFirstBatch();
  Status LoadBlock(size_t index, const CallContext& context);
  Status TakeFiller(PreparedBatch* out);
  Status TakeData(PreparedBatch* out, const CallContext& context);
  Status Prepare(const kafka::BatchEntry& entry, PreparedBatch* out);
  int32_t SequenceAt(int64_t offset) const { return static_cast<int32_t>(offset & 0x7fffffff); }

  repo::Repository& repository_;
  const PlannedPartition& partition_;
  const ProducerIdentity producer_;
  kafka::FillerBatches& fillers_;
  int64_t data_start_ = 0, first_batch_end_ = 0;
  int64_t filler_timestamp_ = 0;
  int64_t position_ = 0;
  size_t block_ = SIZE_MAX;  // index of the loaded block
  Bytes buffer_;
  ByteView batches_;  // in buffer_
  size_t buffer_position_ = 0;
  Bytes repacked_;
  std::shared_ptr<const Bytes> filler_;
};

}  // namespace maxbrod::engine
