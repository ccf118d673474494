#include "engine/snapshot_stream.h"

#include <algorithm>

namespace maxbrod::engine {

void SnapshotStream::Unload() {
  buffer_ = Bytes();
  decompressed_ = Bytes();
  loaded_ = false;
  batch_.reset();
  records_.reset();
  record_.reset();
}

bool SnapshotStream::FindBlock() {
  size_t before = block_;
  while (block_ < blocks_.size() && blocks_[block_].use_to <= position_) ++block_;
  if (block_ != before) {
    loaded_ = false;
    batch_.reset();
    records_.reset();
    record_.reset();
  }
  return block_ < blocks_.size();
}

const repo::BlockUse* SnapshotStream::WholeBlock(int64_t limit) {
  if (!FindBlock()) return nullptr;
  const repo::BlockUse& use = blocks_[block_];
  const repo::BlockStats& stats = use.entry.stats;
  bool whole = use.use_from <= stats.first_offset && use.use_to > stats.last_offset;
  return whole && position_ <= use.use_from && use.use_to <= limit ? &use : nullptr;
}

// A wrapper of the old formats tells its last offset only.
int64_t SnapshotStream::FirstOffset(const kafka::BatchEntry& batch) const {
  return batch.old_magic ? std::min(position_, batch.header.base_offset) : batch.header.base_offset;
}

Status SnapshotStream::LoadBlock(const CallContext& context) {
  const repo::BlockUse& use = blocks_[block_];
  MB_RETURN_IF_ERROR(repo::ReadBlock(store_, use.pack, use.entry, &buffer_, context));
  loaded_ = true;
  next_batch_ = 0;
  return Status::Ok();
}

Result<std::optional<kafka::BatchEntry>> SnapshotStream::PeekBatch(int64_t limit,
                                                                   const CallContext& context) {
  while (FindBlock()) {
    const repo::BlockUse& use = blocks_[block_];
    if (use.use_from >= limit) return std::optional<kafka::BatchEntry>();
    if (!loaded_) MB_RETURN_IF_ERROR(LoadBlock(context));
    while (true) {
      if (batch_ && batch_->header.last_offset() >= position_ &&
          batch_->header.last_offset() >= use.use_from) {
        bool ours = FirstOffset(*batch_) < limit && FirstOffset(*batch_) < use.use_to;
        if (ours) return batch_;
        break;
      }
      records_.reset();
      record_.reset();
      kafka::BatchIterator it(ByteView(buffer_).subspan(next_batch_));
      kafka::BatchEntry entry;
      if (!it.Next(&entry)) {
        MB_RETURN_IF_ERROR(it.status());
        batch_.reset();
        break;
      }
      next_batch_ += it.position();
      batch_ = entry;
    }
    // A batch at or beyond the limit may still be asked for; one beyond the part in use never is.
    if (batch_ && FirstOffset(*batch_) < use.use_to) return std::optional<kafka::BatchEntry>();
    Skip(use.use_to);
  }
  return std::optional<kafka::BatchEntry>();
}

Status SnapshotStream::OpenRecords() {
  MB_ASSIGN_OR_RETURN(auto records, kafka::RecordIterator::Open(batch_->bytes, &decompressed_));
  records_ = std::move(records);
  record_.reset();
  return Status::Ok();
}

Result<std::optional<kafka::RecordView>> SnapshotStream::PeekRecord(int64_t limit,
                                                                    const CallContext& context) {
  while (true) {
    MB_ASSIGN_OR_RETURN(auto batch, PeekBatch(limit, context));
    if (!batch) return std::optional<kafka::RecordView>();
    if (!batch->header.is_control() && batch->header.record_count > 0) {
      if (!records_) MB_RETURN_IF_ERROR(OpenRecords());
      while (!record_ || record_->offset < position_) {
        kafka::RecordView record;
        if (!records_->Next(&record)) {
          MB_RETURN_IF_ERROR(records_->status());
          record_.reset();
          break;
        }
        record_ = record;
      }
      if (record_) {
        if (record_->offset >= limit) return std::optional<kafka::RecordView>();
        return record_;
      }
    }
    Skip(batch->header.next_offset());
  }
}

}  // namespace maxbrod::engine
