#include "engine/batch_feed.h"

#include <algorithm>
#include <string>

#include "engine/target_configs.h"
#include "kafka/record_split.h"
#include "repo/pack_reader.h"

namespace maxbrod::engine {
namespace {

// Offsets in one filler batch. More than 200,000 cost the broker an object per record in its heap.
constexpr int64_t kFillerBatch = 100'000;
// Far more than can be in flight: a partition never goes back further.
constexpr size_t kRunsKept = 1'000;
constexpr int64_t kSequenceMask = 0x7fffffff;

}  // namespace

BatchFeed::BatchFeed(store::Store& store, const PlannedPartition& partition, FeedOptions options,
                     kafka::FillerBatches& fillers)
    : store_(store),
      partition_(partition),
      options_(std::move(options)),
      fillers_(fillers),
      data_start_(partition.data_start),
      first_step_end_(partition.data_start),
      stop_at_(options_.map != nullptr ? options_.map->end() : partition.log_end()),
      slot_records_(partition.aborted.slots()) {}

Status BatchFeed::Open(const CallContext& context) {
  data_start_ = 0;
  if (options_.map != nullptr) return Status::Ok();
  first_step_end_ = 0;
  if (partition_.log_start == 0) return Status::Ok();
  data_start_ = partition_.log_start;
  first_step_end_ = data_start_;
  if (partition_.blocks.empty()) return Status::Ok();
  MB_RETURN_IF_ERROR(LoadBlock(0, context));
  kafka::BatchIterator it(batches_);
  kafka::BatchEntry entry;
  int64_t wanted = partition_.blocks[0].use_from;
  while (it.Next(&entry) && entry.header.last_offset() < wanted) {
  }
  MB_RETURN_IF_ERROR(it.status());
  // A first batch that begins below the log start comes whole, unless it is cut up anyway; one
  // above leaves a hole.
  bool whole =
      !entry.old_magic && entry.header.missing_records() == 0 && !entry.header.is_log_append_time();
  if (whole) data_start_ = std::min(entry.header.base_offset, partition_.log_start);
  filler_timestamp_ = std::max<int64_t>(0, entry.header.max_timestamp - 2 * kRollSegmentMs);
  last_timestamp_ = entry.header.max_timestamp;
  MB_RETURN_IF_ERROR(Seek(data_start_, context));
  StepView first;
  first_step_end_ = data_start_;
  if (!AtEnd()) {
    MB_RETURN_IF_ERROR(Peek(&first, context));
    first_step_end_ = first.next_offset;
  }
  Unload();
  return Status::Ok();
}

void BatchFeed::ClearPending() {
  pending_.clear();
  pending_bytes_ = 0;
}

void BatchFeed::Unload() {
  buffer_ = Bytes();
  batches_ = ByteView();
  current_ = Bytes();
  ClearPending();
  block_ = SIZE_MAX;
  buffer_position_ = 0;
  expanded_ = source_;
}

Status BatchFeed::LoadBlock(size_t index, const CallContext& context) {
  const repo::BlockUse& use = partition_.blocks[index];
  block_ = SIZE_MAX;
  MB_RETURN_IF_ERROR(repo::ReadBlock(store_, use.pack, use.entry, &buffer_, &batches_, context));
  block_ = index;
  buffer_position_ = 0;
  return Status::Ok();
}

Status BatchFeed::Seek(int64_t offset, const CallContext& context) {
  if (options_.map == nullptr && offset > partition_.log_end()) {
    return Status(Code::kOffsetMismatch,
                  "the log ends at offset " + std::to_string(offset) + ", beyond the snapshot's " +
                      std::to_string(partition_.log_end()) + ": somebody else wrote to it");
  }
  if (options_.map != nullptr && offset > stop_at_) {
    return Status(Code::kOffsetMismatch, "the log ends at offset " + std::to_string(offset) +
                                             ", beyond the restore's " + std::to_string(stop_at_) +
                                             ": somebody else wrote to it");
  }
  if (!partition_.aborted.empty()) MB_RETURN_IF_ERROR(CountSlots(offset, context));
  source_ = std::max(offset, data_start_);
  Unload();
  position_ = offset;
  if (AtEnd() || position_ < data_start_) return Status::Ok();
  int64_t source = offset;
  if (options_.map != nullptr) {
    std::optional<int64_t> mapped = options_.map->SourceOf(offset);
    if (!mapped) {
      return Status(Code::kOffsetMismatch, "the log ends at offset " + std::to_string(offset) +
                                               ", which is not one of this restore");
    }
    source = *mapped;
  }
  source_ = source;
  expanded_ = source;
  return Prepare(context);
}

// An entry that was begun is expanded from its start; what was taken of it goes. A batch cannot be
// cut.
Status BatchFeed::Trim() {
  while (!pending_.empty() && pending_.front().next <= source_) {
    pending_bytes_ -= std::min(pending_bytes_, pending_.front().owned.size());
    pending_.pop_front();
  }
  if (pending_.empty()) return Status::Ok();
  Pending& front = pending_.front();
  if (front.base >= source_) return Status::Ok();
  if (front.kind == StepKind::kMarkers || front.filler()) {
    front.base = source_;
    return Status::Ok();
  }
  return Status(Code::kOffsetMismatch,
                "the log ends at offset " + std::to_string(position_) +
                    ", where no batch of the snapshot begins: somebody else wrote to it");
}

Status BatchFeed::Peek(StepView* out, const CallContext& context) {
  MB_CHECK(!AtEnd());
  out->base_offset = position_;
  if (position_ < data_start_) {
    out->kind = StepKind::kBatch;
    out->next_offset = std::min(position_ + kFillerBatch, data_start_);
    return Status::Ok();
  }
  MB_RETURN_IF_ERROR(Prepare(context));
  if (pending_.empty()) {
    return Status(Code::kInternal, "nothing is left at offset " + std::to_string(position_));
  }
  const Pending& front = pending_.front();
  out->kind = front.kind;
  out->next_offset = position_ + (front.next - front.base);
  out->transaction = front.transaction;
  if (options_.map == nullptr && front.base != position_) {
    return Status(Code::kCorrupt, "a block does not go on at offset " + std::to_string(position_) +
                                      " as its index says");
  }
  return Status::Ok();
}

Status BatchFeed::Take(PreparedStep* out, const CallContext& context) {
  MB_RETURN_IF_ERROR(Peek(out, context));
  out->records = 0;
  out->payload = ByteView();
  if (position_ < data_start_) {
    Pending below;
    below.base = out->base_offset;
    below.next = out->next_offset;
    below.timestamp = filler_timestamp_;
    MB_RETURN_IF_ERROR(Finish(below, out));
  } else {
    Pending step = std::move(pending_.front());
    pending_.pop_front();
    source_ = step.next;
    pending_bytes_ -= std::min(pending_bytes_, step.owned.size());
    current_ = std::move(step.owned);
    step.owned = Bytes();
    if (!current_.empty()) step.view = current_;
    MB_RETURN_IF_ERROR(Finish(step, out));
  }
  position_ = out->next_offset;
  return Status::Ok();
}

uint64_t BatchFeed::BytesToLoad() const {
  if (AtEnd() || position_ < data_start_ || !pending_.empty()) return 0;
  if (BlockGoesOn()) return 0;
  size_t next = block_ == SIZE_MAX ? 0 : block_ + 1;
  while (next < partition_.blocks.size() && partition_.blocks[next].use_to <= expanded_) ++next;
  return next < partition_.blocks.size() ? partition_.blocks[next].entry.place.plain_bytes : 0;
}

Status BatchFeed::Prepare(const CallContext& context) {
  // In the source's offsets: what is open at the cut stays out of a dense log.
  int64_t end = options_.map != nullptr ? partition_.end : partition_.log_end();
  while ((pending_.empty() || MarkersGoOn()) && expanded_ < end) {
    MB_RETURN_IF_ERROR(ExpandNext(context));
    MB_RETURN_IF_ERROR(Trim());
  }
  return Status::Ok();
}

// The source has a batch for each marker; here as many as possible make one step, as far as that
// takes no other block.
bool BatchFeed::MarkersGoOn() const {
  if (pending_.size() != 1 || pending_.back().kind != StepKind::kMarkers) return false;
  return pending_.back().next < StepEnd(pending_.back().base) && BlockGoesOn();
}

bool BatchFeed::BlockGoesOn() const {
  return block_ != SIZE_MAX && buffer_position_ < batches_.size() &&
         partition_.blocks[block_].use_to > expanded_;
}

Status BatchFeed::ExpandNext(const CallContext& context) {
  if (expanded_ >= partition_.end) {
    AddEnd();
    return Status::Ok();
  }
  if (BlockGoesOn()) return ExpandFromBlock();
  size_t index = 0;
  if (block_ != SIZE_MAX && partition_.blocks[block_].use_to <= expanded_) index = block_ + 1;
  while (index < partition_.blocks.size() && partition_.blocks[index].use_to <= expanded_) ++index;
  if (index >= partition_.blocks.size()) {
    AddHole(expanded_, partition_.end);
    return Status::Ok();
  }
  // Between two blocks, as far as their indexes tell, without a look inside.
  const repo::BlockUse& use = partition_.blocks[index];
  if (use.use_from > expanded_ && use.use_from == use.entry.stats.first_offset) {
    AddHole(expanded_, use.use_from);
    return Status::Ok();
  }
  MB_RETURN_IF_ERROR(LoadBlock(index, context));
  return ExpandFromBlock();
}

// Turns the block's next entry into steps.
Status BatchFeed::ExpandFromBlock() {
  kafka::BatchIterator it(batches_.subspan(buffer_position_));
  kafka::BatchEntry entry;
  int64_t use_to = partition_.blocks[block_].use_to;
  size_t before = 0;
  for (; it.Next(&entry); before = it.position()) {
    if (entry.header.last_offset() < expanded_) {
      last_timestamp_ = std::max<int64_t>(0, entry.header.max_timestamp);
      continue;
    }
    // A compressed wrapper of an old format names its last record: where it begins is seen inside.
    if (entry.old_magic) {
      expanded_ = std::max(expanded_, Floor());
      MB_RETURN_IF_ERROR(ExpandSplit(entry));
      last_timestamp_ = std::max<int64_t>(0, entry.header.max_timestamp);
      buffer_position_ += it.position();
      return Status::Ok();
    }
    if (entry.header.base_offset >= std::min(use_to, partition_.end)) break;
    if (entry.header.base_offset > expanded_) {
      AddHole(expanded_, entry.header.base_offset);
      if (!pending_.empty()) {
        buffer_position_ += before;
        return Status::Ok();
      }
    }
    // After a Seek into it, an entry is expanded from where it was then, and trimmed.
    expanded_ = std::max(entry.header.base_offset, Floor());
    MB_RETURN_IF_ERROR(Expand(entry));
    last_timestamp_ = std::max<int64_t>(0, entry.header.max_timestamp);
    buffer_position_ += it.position();
    return Status::Ok();
  }
  MB_RETURN_IF_ERROR(it.status());
  buffer_position_ = batches_.size();
  AddHole(expanded_, std::min(use_to, partition_.end));
  return Status::Ok();
}

// What of an entry lies below is not wanted: another block has it, or the log starts there. Below
// the first block's log start whole batches are wanted, which the broker cuts off later.
int64_t BatchFeed::Floor() const {
  if (options_.map != nullptr) {
    return std::max(partition_.log_start, partition_.blocks[block_].use_from);
  }
  return block_ == 0 ? data_start_ : partition_.blocks[block_].use_from;
}

Status BatchFeed::Expand(const kafka::BatchEntry& entry) {
  const kafka::BatchHeader& h = entry.header;
  if (h.is_control()) return ExpandControl(entry);
  if (h.record_count == 0) {
    AddHole(expanded_, std::min(h.next_offset(), partition_.end));
    return Status::Ok();
  }
  bool whole = h.missing_records() == 0 && !h.is_log_append_time() &&
               h.next_offset() <= partition_.end && h.base_offset >= expanded_;
  if (!whole) return ExpandSplit(entry);
  std::optional<size_t> aborted;
  if (h.is_transactional()) aborted = partition_.aborted.Find(h.producer_id, h.base_offset);
  expanded_ = h.next_offset();
  if (aborted && options_.map != nullptr) return Status::Ok();
  Pending step;
  step.kind = aborted ? StepKind::kAborted : StepKind::kBatch;
  step.base = h.base_offset;
  step.next = h.next_offset();
  step.records = static_cast<uint64_t>(h.record_count);
  step.transaction = aborted.value_or(0);
  step.view = entry.bytes;
  pending_.push_back(std::move(step));
  return Status::Ok();
}

Status BatchFeed::ExpandControl(const kafka::BatchEntry& entry) {
  const kafka::BatchHeader& h = entry.header;
  if (h.record_count > 0) {
    MB_ASSIGN_OR_RETURN(kafka::ControlRecord control,
                        kafka::ControlRecord::ParseBatch(entry.bytes));
    if (!control.is_marker()) {
      return Status(Code::kUnsupported, "the control batch at offset " +
                                            std::to_string(h.base_offset) + " is of type " +
                                            std::to_string(control.type) +
                                            ", which no client may write");
    }
  }
  auto ends = partition_.aborted.EndingAt(h.producer_id, h.base_offset);
  if (!ends || options_.map != nullptr) {
    AddHole(expanded_, std::min(h.next_offset(), partition_.end));
    return Status::Ok();
  }
  Pending step;
  step.kind = StepKind::kAbort;
  step.base = h.base_offset;
  step.next = h.next_offset();
  step.transaction = *ends;
  pending_.push_back(std::move(step));
  expanded_ = h.next_offset();
  return Status::Ok();
}

Status BatchFeed::ExpandSplit(const kafka::BatchEntry& entry) {
  const kafka::BatchHeader& h = entry.header;
  std::optional<size_t> aborted;
  if (!entry.old_magic && h.is_transactional())
    aborted = partition_.aborted.Find(h.producer_id, h.base_offset);
  std::vector<kafka::SplitBatch> parts;
  // After a Seek into it, one of an old format begins where it began then.
  int64_t from = entry.old_magic ? Floor() : expanded_;
  int64_t filled = 0;  // up to here with what stands in for holes
  if (options_.map == nullptr && !aborted)
    filled = std::min({partition_.fill_below, h.next_offset(), partition_.end});
  if (filled > from) {
    kafka::SplitOptions split;
    split.first_offset = from;
    split.last_offset = filled - 1;
    split.fill_holes = true;
    MB_RETURN_IF_ERROR(kafka::SplitEntry(entry.bytes, split, &parts));
  }
  if (h.next_offset() > filled && filled < partition_.end) {
    kafka::SplitOptions split;
    split.first_offset = std::max(from, filled);
    split.last_offset = partition_.end - 1;
    std::vector<kafka::SplitBatch> rest;
    MB_RETURN_IF_ERROR(kafka::SplitEntry(entry.bytes, split, &rest));
    parts.insert(parts.end(), std::make_move_iterator(rest.begin()),
                 std::make_move_iterator(rest.end()));
  }
  int64_t until = std::min(h.next_offset(), partition_.end);
  if (aborted && options_.map != nullptr) parts.clear();
  if (!parts.empty()) expanded_ = std::min(expanded_, parts.front().base_offset);
  for (kafka::SplitBatch& part : parts) {
    if (part.base_offset > expanded_) AddHole(expanded_, part.base_offset);
    Pending step;
    step.kind = aborted ? StepKind::kAborted : StepKind::kBatch;
    step.base = part.base_offset;
    step.next = part.next_offset;
    step.records = part.records;
    step.transaction = aborted.value_or(0);
    step.owned = std::move(part.bytes);
    pending_bytes_ += step.owned.size();
    pending_.push_back(std::move(step));
    expanded_ = part.next_offset;
  }
  AddHole(expanded_, until);
  return Status::Ok();
}

// Offsets that hold no record.
void BatchFeed::AddHole(int64_t from, int64_t to) {
  if (from >= to) return;
  expanded_ = to;
  if (options_.map != nullptr) return;
  int64_t filled = std::clamp(partition_.fill_below, from, to);
  for (int64_t at = from; at < filled; at += kFillerBatch) {
    Pending step;
    step.base = at;
    step.next = std::min(at + kFillerBatch, filled);
    step.timestamp = last_timestamp_;
    pending_.push_back(std::move(step));
  }
  AddMarkers(filled, to);
}

void BatchFeed::AddMarkers(int64_t from, int64_t to) {
  while (from < to) {
    bool goes_on = !pending_.empty() && pending_.back().kind == StepKind::kMarkers &&
                   pending_.back().next == from && from < StepEnd(pending_.back().base);
    if (!goes_on) {
      Pending step;
      step.kind = StepKind::kMarkers;
      step.base = from;
      pending_.push_back(std::move(step));
    }
    Pending& last = pending_.back();
    last.next = std::min(to, StepEnd(last.base));
    from = last.next;
  }
}

// How far a step of markers may go that begins at `base`.
int64_t BatchFeed::StepEnd(int64_t base) const {
  int64_t end = base + options_.markers_per_step;
  return base < stop_at_ ? std::min(end, stop_at_) : end;
}

// Transactions whose marker lies beyond the cut are aborted right behind it: else their records
// would be committed ones here, or the last stable offset would stay before them.
void BatchFeed::AddEnd() {
  int64_t at = partition_.end;
  const auto& transactions = partition_.aborted.transactions();
  for (size_t i = 0; i < transactions.size(); ++i) {
    if (transactions[i].last_offset != PlannedAbort::kOpenAtCut) continue;
    if (at >= expanded_) {
      Pending step;
      step.kind = StepKind::kAbort;
      step.base = at;
      step.next = at + 1;
      step.transaction = i;
      pending_.push_back(std::move(step));
    }
    ++at;
  }
  expanded_ = at;
}

Status BatchFeed::Finish(const Pending& step, PreparedStep* out) {
  out->records = step.records;
  if (step.kind == StepKind::kMarkers || step.kind == StepKind::kAbort) return Status::Ok();
  if (!step.filler()) return FinishBatch(step.view, step, out);
  MB_ASSIGN_OR_RETURN(auto filler,
                      fillers_.Get(static_cast<int32_t>(step.next - step.base), step.timestamp));
  filler_ = filler.body;
  out->header = filler.header;
  out->payload = *filler_;
  kafka::BatchPatch patch;
  patch.base_offset = 0;
  patch.producer_id = options_.producer.id;
  patch.producer_epoch = options_.producer.epoch;
  patch.base_sequence = TakeSequence(out->base_offset, out->next_offset);
  return kafka::PatchBatchHeader(out->header, patch);
}

Status BatchFeed::FinishBatch(ByteView batch, const Pending& step, PreparedStep* out) {
  std::copy_n(batch.begin(), out->header.size(), out->header.begin());
  out->payload = batch.subspan(out->header.size());
  kafka::BatchPatch patch;
  patch.base_offset = 0;
  patch.partition_leader_epoch = -1;
  // Marks that would mean something else on the target (docs/design.md, "A restore").
  patch.clear_attributes =
      kafka::BatchAttributes::kLogAppendTime | kafka::BatchAttributes::kTransactional |
      kafka::BatchAttributes::kControl | kafka::BatchAttributes::kDeleteHorizon;
  if (step.kind == StepKind::kAborted) {
    uint32_t slot = partition_.aborted.transactions()[step.transaction].slot;
    patch.set_attributes = kafka::BatchAttributes::kTransactional;
    patch.producer_id = options_.slots[slot].id;
    patch.producer_epoch = options_.slots[slot].epoch;
    patch.base_sequence = static_cast<int32_t>(slot_records_[slot] & kSequenceMask);
    slot_records_[slot] += out->next_offset - out->base_offset;
  } else {
    patch.producer_id = options_.producer.id;
    patch.producer_epoch = options_.producer.epoch;
    patch.base_sequence = TakeSequence(out->base_offset, out->next_offset);
  }
  return kafka::PatchBatchHeader(out->header, patch);
}

// The broker wants each batch's sequence to follow on the producer's batch before it in this log,
// whatever lies between the two. So it goes by what was taken: a step taken again after a Seek gets
// what it had.
int32_t BatchFeed::TakeSequence(int64_t base, int64_t next) {
  if (options_.producer.id < 0) return -1;
  while (runs_.size() > 1 && runs_.back().base > base) runs_.pop_back();
  int64_t sequence = base;  // the first may be any
  if (!runs_.empty()) {
    SequenceRun& last = runs_.back();
    last.next = std::min(last.next, std::max(last.base, base));
    sequence = last.sequence + (last.next - last.base);
  }
  if (!runs_.empty() && runs_.back().next == base) {
    runs_.back().next = next;
  } else {
    runs_.push_back({base, next, sequence});
    if (runs_.size() > kRunsKept) runs_.pop_front();
  }
  return static_cast<int32_t>(sequence & kSequenceMask);
}

Status BatchFeed::CountSlots(int64_t offset, const CallContext& context) {
  std::fill(slot_records_.begin(), slot_records_.end(), 0);
  if (options_.map != nullptr || options_.slots.empty()) return Status::Ok();
  const auto& transactions = partition_.aborted.transactions();
  for (size_t i = 0; i < partition_.blocks.size(); ++i) {
    const repo::BlockUse& use = partition_.blocks[i];
    if (use.use_from >= offset) break;
    bool concerned = std::any_of(transactions.begin(), transactions.end(), [&](const auto& t) {
      return t.first_offset < use.use_to && t.last_offset >= use.use_from;
    });
    if (!concerned || (use.entry.stats.flags & repo::kBlockTransactional) == 0) continue;
    MB_RETURN_IF_ERROR(LoadBlock(i, context));
    kafka::BatchIterator it(batches_);
    kafka::BatchEntry entry;
    // What another block has, or lies below the log start, was not sent.
    int64_t from = i == 0 ? data_start_ : use.use_from;
    int64_t to = std::min({offset, use.use_to, partition_.end});
    while (it.Next(&entry) && entry.header.base_offset < to) {
      const kafka::BatchHeader& h = entry.header;
      if (entry.old_magic || h.is_control() || !h.is_transactional()) continue;
      if (h.last_offset() < from) continue;
      auto aborted = partition_.aborted.Find(h.producer_id, h.base_offset);
      if (!aborted) continue;
      // A batch with holes was sent in pieces, of which some may be there.
      int64_t records = h.record_count;
      if (h.missing_records() != 0 || h.base_offset < from || h.next_offset() > to) {
        MB_ASSIGN_OR_RETURN(records, CountWithin(entry.bytes, from, to));
      }
      slot_records_[transactions[*aborted].slot] += records;
    }
    MB_RETURN_IF_ERROR(it.status());
  }
  return Status::Ok();
}

Result<int64_t> BatchFeed::CountWithin(ByteView entry, int64_t from, int64_t to) {
  Bytes buffer;
  MB_ASSIGN_OR_RETURN(kafka::RecordIterator it, kafka::RecordIterator::Open(entry, &buffer));
  kafka::RecordView record;
  int64_t count = 0;
  while (it.Next(&record)) count += record.offset >= from && record.offset < to ? 1 : 0;
  MB_RETURN_IF_ERROR(it.status());
  return count;
}

}  // namespace maxbrod::engine
