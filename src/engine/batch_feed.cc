#include "engine/batch_feed.h"

#include <algorithm>
#include <string>

#include "engine/target_configs.h"
#include "repo/pack_reader.h"

namespace maxbrod::engine {
namespace {

// Offsets in one filler batch. More than 200,000 cost the broker an object per record in its heap.
constexpr int64_t kFillerBatch = 100'000;

}  // namespace

BatchFeed::BatchFeed(repo::Repository& repository, const PlannedPartition& partition,
                     ProducerIdentity producer, kafka::FillerBatches& fillers)
    : repository_(repository),
      partition_(partition),
      producer_(producer),
      fillers_(fillers),
      data_start_(partition.data_start),
      first_batch_end_(partition.data_start) {}

Status BatchFeed::Open(const CallContext& context) {
  if (partition_.blocks.empty() || partition_.log_start == 0) {
    data_start_ = partition_.log_start;
    first_batch_end_ = data_start_;
    return Status::Ok();
  }
  MB_RETURN_IF_ERROR(LoadBlock(0, context));
  Status found = FindFirstBatch();
  Unload();
  return found;
}

Status BatchFeed::FindFirstBatch() {
  kafka::BatchIterator it(batches_);
  kafka::BatchEntry entry;
  int64_t wanted = partition_.blocks[0].use_from;
  while (it.Next(&entry)) {
    if (entry.header.last_offset() < wanted) continue;
    data_start_ = entry.header.base_offset;
    first_batch_end_ = entry.header.next_offset();
    filler_timestamp_ = std::max<int64_t>(0, entry.header.max_timestamp - 2 * kRollSegmentMs);
    return Status::Ok();
  }
  MB_RETURN_IF_ERROR(it.status());
  return Status(Code::kCorrupt,
                "a block does not hold offset " + std::to_string(wanted) + " as its index says");
}

Status BatchFeed::Seek(int64_t offset, const CallContext& context) {
  position_ = offset;
  if (offset < data_start_ || offset >= partition_.end) return Status::Ok();
  size_t index = 0;
  while (index < partition_.blocks.size() && partition_.blocks[index].use_to <= offset) ++index;
  if (index == partition_.blocks.size()) {
    return Status(Code::kInternal, "no block holds offset " + std::to_string(offset));
  }
  if (index != block_) MB_RETURN_IF_ERROR(LoadBlock(index, context));
  kafka::BatchIterator it(batches_);
  kafka::BatchEntry entry;
  size_t begin = 0;
  for (; it.Next(&entry); begin = it.position()) {
    if (entry.header.last_offset() < offset) continue;
    if (entry.header.base_offset == offset) {
      buffer_position_ = begin;
      return Status::Ok();
    }
    break;
  }
  MB_RETURN_IF_ERROR(it.status());
  return Status(Code::kOffsetMismatch,
                "the log ends at offset " + std::to_string(offset) +
                    ", where no batch of the snapshot begins: somebody else wrote to it");
}

Status BatchFeed::Take(PreparedBatch* out, const CallContext& context) {
  MB_CHECK(!AtEnd());
  if (position_ < data_start_) return TakeFiller(out);
  return TakeData(out, context);
}

uint64_t BatchFeed::BytesToLoad() const {
  if (AtEnd() || position_ < data_start_) return 0;
  if (block_ != SIZE_MAX && buffer_position_ < batches_.size() &&
      partition_.blocks[block_].use_to > position_)
    return 0;
  size_t next = block_ == SIZE_MAX ? 0 : block_ + 1;
  while (next < partition_.blocks.size() && partition_.blocks[next].use_to <= position_) ++next;
  return next < partition_.blocks.size() ? partition_.blocks[next].entry.place.plain_bytes : 0;
}

void BatchFeed::Unload() {
  buffer_ = Bytes();
  batches_ = ByteView();
  repacked_ = Bytes();
  block_ = SIZE_MAX;
  buffer_position_ = 0;
}

Status BatchFeed::LoadBlock(size_t index, const CallContext& context) {
  const repo::BlockUse& use = partition_.blocks[index];
  block_ = SIZE_MAX;
  MB_RETURN_IF_ERROR(
      repo::ReadBlock(repository_.store(), use.pack, use.entry, &buffer_, &batches_, context));
  block_ = index;
  buffer_position_ = 0;
  return Status::Ok();
}

Status BatchFeed::TakeFiller(PreparedBatch* out) {
  int64_t count = std::min(kFillerBatch, data_start_ - position_);
  MB_ASSIGN_OR_RETURN(auto filler, fillers_.Get(static_cast<int32_t>(count), filler_timestamp_));
  filler_ = filler.body;
  out->header = filler.header;
  out->payload = *filler_;
  kafka::BatchPatch patch;
  patch.base_offset = 0;
  patch.producer_id = producer_.id;
  patch.producer_epoch = producer_.epoch;
  patch.base_sequence = producer_.id < 0 ? -1 : SequenceAt(position_);
  MB_RETURN_IF_ERROR(kafka::PatchBatchHeader(out->header, patch));
  out->base_offset = position_;
  out->next_offset = position_ + count;
  out->records = 0;
  position_ = out->next_offset;
  return Status::Ok();
}

Status BatchFeed::TakeData(PreparedBatch* out, const CallContext& context) {
  bool here = block_ != SIZE_MAX && buffer_position_ < batches_.size() &&
              partition_.blocks[block_].use_to > position_;
  if (!here) {
    int64_t offset = position_;
    MB_RETURN_IF_ERROR(Seek(offset, context));
  }
  kafka::BatchIterator it(batches_.subspan(buffer_position_));
  kafka::BatchEntry entry;
  while (it.Next(&entry)) {
    if (entry.header.last_offset() < position_) continue;
    if (entry.header.base_offset != position_) break;
    MB_RETURN_IF_ERROR(Prepare(entry, out));
    buffer_position_ += it.position();
    position_ = out->next_offset;
    return Status::Ok();
  }
  MB_RETURN_IF_ERROR(it.status());
  return Status(Code::kCorrupt, "a block does not go on at offset " + std::to_string(position_) +
                                    " as its index says");
}

Status BatchFeed::Prepare(const kafka::BatchEntry& entry, PreparedBatch* out) {
  const kafka::BatchHeader& h = entry.header;
  if (h.missing_records() != 0 || h.is_control() || entry.old_magic) {
    return Status(Code::kUnsupported,
                  "the batch at offset " + std::to_string(h.base_offset) + " has holes");
  }
  out->base_offset = h.base_offset;
  out->next_offset = h.next_offset();
  out->records = static_cast<uint64_t>(h.record_count);
  ByteView batch = entry.bytes;
  // A CreateTime topic would show the producers' own times: the records get the append time
  // instead.
  if (h.is_log_append_time()) {
    MB_RETURN_IF_ERROR(kafka::RepackLogAppendTime(entry.bytes, &repacked_));
    batch = repacked_;
  }
  std::copy_n(batch.begin(), out->header.size(), out->header.begin());
  out->payload = batch.subspan(out->header.size());
  kafka::BatchPatch patch;
  patch.base_offset = 0;
  patch.partition_leader_epoch = -1;
  // Marks that would mean something else on the target (docs/design.md, "Producing raw batches").
  patch.clear_attributes =
      kafka::BatchAttributes::kLogAppendTime | kafka::BatchAttributes::kTransactional |
      kafka::BatchAttributes::kControl | kafka::BatchAttributes::kDeleteHorizon;
  patch.producer_id = producer_.id;
  patch.producer_epoch = producer_.epoch;
  patch.base_sequence = producer_.id < 0 ? -1 : SequenceAt(h.base_offset);
  return kafka::PatchBatchHeader(out->header, patch);
}

}  // namespace maxbrod::engine
