// A partition's batches and records as a snapshot has them, read block by block.
#pragma once

#include <optional>
#include <vector>

#include "kafka/record.h"
#include "repo/pack_reader.h"
#include "repo/repository.h"

namespace maxbrod::engine {

// Reads on demand, holds one block at a time, and can go back to none. Not thread-safe. `blocks`
// and the store must outlive it.
//
// Errors of Peek*: what ReadBlock says (kCorrupt: damage in the repository). They stay until Skip
// has moved beyond failed_block().
class SnapshotStream {
 public:
  SnapshotStream(store::Store& store, const std::vector<repo::BlockUse>& blocks)
      : store_(store), blocks_(blocks) {}

  // Everything below `offset` is done with. (Peek* skip offsets that hold nothing by themselves.)
  void Skip(int64_t offset) {
    if (offset > position_) position_ = offset;
  }
  int64_t position() const { return position_; }
  // The first batch that ends at or after position(), if it begins below `limit`; else none. Valid
  // until the next call.
  Result<std::optional<kafka::BatchEntry>> PeekBatch(int64_t limit, const CallContext& context);
  // The first record in [position(), limit); control batches have none. Valid until the next call.
  Result<std::optional<kafka::RecordView>> PeekRecord(int64_t limit, const CallContext& context);
  // The block at position() when nothing of it was read and it lies wholly below `limit`: its
  // statistics may do.
  const repo::BlockUse* WholeBlock(int64_t limit);
  // The block that the last error was about.
  const repo::BlockUse& failed_block() const { return blocks_[block_]; }

  uint64_t loaded_bytes() const { return buffer_.capacity() + decompressed_.capacity(); }
  // Gives the memory back; it is read again when needed.
  void Unload();

 private:
  // Moves to the block that holds or follows position(); false at the end.
  bool FindBlock();
  int64_t FirstOffset(const kafka::BatchEntry& batch) const;
  Status LoadBlock(const CallContext& context);
  // Opens the records of the batch at hand.
  Status OpenRecords();

  store::Store& store_;
  const std::vector<repo::BlockUse>& blocks_;
  int64_t position_ = 0;
  size_t block_ = 0;
  bool loaded_ = false;
  Bytes buffer_;
  size_t next_batch_ = 0;  // where in buffer_ the batch after the current one begins
  std::optional<kafka::BatchEntry> batch_;
  Bytes decompressed_;
  std::optional<kafka::RecordIterator> records_;  // of batch_
  std::optional<kafka::RecordView> record_;
};

}  // namespace maxbrod::engine
