#include "engine/compare_partition.h"

#include <algorithm>

#include "engine/compare_records.h"
#include "engine/verify_packs.h"
#include "repo/pack_writer.h"

namespace maxbrod::engine {

void CompareTotals::Add(const CompareTotals& other) {
  batches += other.batches;
  batches_decoded += other.batches_decoded;
  records += other.records;
  bytes += other.bytes;
  removed_offsets += other.removed_offsets;
  compacted_records += other.compacted_records;
  not_followed += other.not_followed;
}

PartitionComparer::PartitionComparer(store::Store& store, const CompareTask& task,
                                     DifferenceList* differences, ProblemList* problems,
                                     std::atomic<int64_t>* ledger_budget)
    : task_(task),
      differences_(*differences),
      problems_(*problems),
      stream_(store, task.blocks),
      position_(task.start) {
  if (task.compacted) ledger_ = std::make_unique<CompactionLedger>(ledger_budget);
  stream_.Skip(task.start);
}

void PartitionComparer::Unload() {
  stream_.Unload();
  buffer_ = Bytes();
}

void PartitionComparer::OnRemoved(int64_t offset) {
  offset = std::min(offset, task_.end);
  if (offset <= position_) return;
  Flush();
  totals_.removed_offsets += static_cast<uint64_t>(offset - position_);
  position_ = offset;
}

Status PartitionComparer::OnBatch(const kafka::BatchEntry& live, const CallContext& context) {
  if (live.header.last_offset() < position_) return Status::Ok();
  if (position_ >= task_.end) return ledger_ ? FollowKeys(live) : Status::Ok();
  ++totals_.batches;
  totals_.bytes += live.bytes.size();
  while (live.header.last_offset() >= position_ && position_ < task_.end) {
    int64_t before = position_;
    Status status = Compare(live, context);
    if (!status.ok()) {
      MB_RETURN_IF_ERROR(GiveUpBlock(status));
      continue;
    }
    if (position_ == before) return Status(Code::kInternal, "comparing did not move on");
  }
  return Status::Ok();
}

// Whole batches by their bytes, the others record by record.
Status PartitionComparer::Compare(const kafka::BatchEntry& live, const CallContext& context) {
  const kafka::BatchHeader& h = live.header;
  bool whole = h.base_offset >= position_ && h.next_offset() <= task_.end;
  bool follows_keys = ledger_ && ledger_->waiting();
  if (whole && !follows_keys) {
    stream_.Skip(position_);
    MB_ASSIGN_OR_RETURN(auto batch, stream_.PeekBatch(h.next_offset(), context));
    if (batch && SameBatch(*batch, live)) {
      Flush();
      if (!h.is_control()) totals_.records += static_cast<uint64_t>(h.record_count);
      position_ = h.next_offset();
      return Status::Ok();
    }
  }
  ++totals_.batches_decoded;
  return CompareRecords(live, context);
}

Status PartitionComparer::CompareRecords(const kafka::BatchEntry& live,
                                         const CallContext& context) {
  const kafka::BatchHeader& h = live.header;
  int64_t end = std::min(h.next_offset(), task_.end);
  if (!h.is_control() && h.record_count > 0) {
    auto records = kafka::RecordIterator::Open(live.bytes, &buffer_);
    Status status = records.status();
    kafka::RecordView record;
    while (status.ok() && records->Next(&record)) {
      if (record.offset < position_) continue;
      if (record.offset >= end) break;
      MB_RETURN_IF_ERROR(CompareRecord(record, context));
    }
    if (status.ok()) status = records->status();
    if (!status.ok()) {
      Tell(DifferenceKind::kChanged, std::max(position_, h.base_offset), end - 1,
           static_cast<uint64_t>(end - std::max(position_, h.base_offset)),
           "the cluster's batch cannot be decoded: " + status.message());
      position_ = end;
      return Status::Ok();
    }
  }
  return NothingUntil(end, context);
}

Status PartitionComparer::CompareRecord(const kafka::RecordView& live, const CallContext& context) {
  MB_RETURN_IF_ERROR(NothingUntil(live.offset, context));
  stream_.Skip(position_);
  MB_ASSIGN_OR_RETURN(auto stored, stream_.PeekRecord(live.offset + 1, context));
  if (!stored) {
    if (ledger_) {
      ledger_->Extra(live);
    } else {
      Tell(DifferenceKind::kExtra, live.offset, live.offset, 1,
           "on the cluster, not in the snapshot");
    }
  } else {
    std::string changed = WhatChanged(*stored, live);
    if (changed.empty()) {
      Flush();
    } else {
      Tell(DifferenceKind::kChanged, live.offset, live.offset, 1, "another " + changed);
    }
    if (ledger_) ledger_->Seen(live);
    ++totals_.records;
  }
  position_ = live.offset + 1;
  return Status::Ok();
}

Status PartitionComparer::NothingUntil(int64_t limit, const CallContext& context) {
  static const std::string kWhat = "in the snapshot, not on the cluster";
  while (position_ < limit) {
    stream_.Skip(position_);
    const repo::BlockUse* block = ledger_ ? nullptr : stream_.WholeBlock(limit);
    if (block != nullptr) {
      const repo::BlockStats& stats = block->entry.stats;
      if (stats.records > 0) {
        Tell(DifferenceKind::kMissing, stats.first_offset, stats.last_offset, stats.records, kWhat);
      }
      position_ = block->use_to;
      continue;
    }
    MB_ASSIGN_OR_RETURN(auto record, stream_.PeekRecord(limit, context));
    if (!record) break;
    if (ledger_) {
      ledger_->Missing(*record);
    } else {
      Tell(DifferenceKind::kMissing, record->offset, record->offset, 1, kWhat);
    }
    position_ = record->offset + 1;
  }
  position_ = std::max(position_, limit);
  return Status::Ok();
}

Status PartitionComparer::FollowKeys(const kafka::BatchEntry& live) {
  if (!ledger_->waiting() || live.header.is_control()) return Status::Ok();
  auto records = kafka::RecordIterator::Open(live.bytes, &buffer_);
  if (!records.ok()) return Status::Ok();  // nobody compares what lies beyond the snapshot
  kafka::RecordView record;
  while (records->Next(&record)) {
    if (record.offset >= task_.end) ledger_->SeenBeyond(record);
  }
  return Status::Ok();
}

Status PartitionComparer::GiveUpBlock(const Status& status) {
  if (!IsDamage(status)) return status;
  const repo::BlockUse& use = stream_.failed_block();
  int64_t from = std::max(position_, use.use_from);
  int64_t to = std::min(use.use_to, task_.end);
  problems_.Add({repo::PackName(use.pack), use.entry.owner.topic, use.entry.owner.partition, from,
                 to - 1, status.message()});
  Flush();
  position_ = std::max(position_ + 1, to);
  stream_.Skip(position_);
  return Status::Ok();
}

Status PartitionComparer::OnNothing(int64_t offset, const CallContext& context) {
  int64_t limit = std::min(offset, task_.end);
  while (position_ < limit) {
    Status status = NothingUntil(limit, context);
    if (!status.ok()) MB_RETURN_IF_ERROR(GiveUpBlock(status));
  }
  Flush();
  return Status::Ok();
}

Status PartitionComparer::Finish(const CallContext& context) {
  finished_ = true;
  MB_RETURN_IF_ERROR(OnNothing(task_.end, context));
  if (ledger_) TellUnsettled();
  Unload();
  return Status::Ok();
}

void PartitionComparer::TellUnsettled() {
  std::vector<int64_t> missing = ledger_->MissingForGood();
  std::vector<int64_t> extra = ledger_->ExtraForGood();
  totals_.compacted_records = ledger_->superseded();
  totals_.not_followed = ledger_->not_followed();
  if (!task_.reads_on) {
    totals_.not_followed += missing.size() + extra.size();
    return;
  }
  for (int64_t offset : missing) {
    Tell(DifferenceKind::kMissing, offset, offset, 1,
         "the latest record of its key in the snapshot; the cluster has no later one");
    Flush();
  }
  for (int64_t offset : extra) {
    Tell(DifferenceKind::kExtra, offset, offset, 1,
         "on the cluster; the snapshot has no later record of its key");
    Flush();
  }
}

void PartitionComparer::Tell(DifferenceKind kind, int64_t first, int64_t last, uint64_t count,
                             const std::string& what) {
  if (run_.count > 0 && run_.kind == kind) {
    run_.last = last;
    run_.count += count;
    return;
  }
  Flush();
  run_ = {kind, first, last, count, what};
}

void PartitionComparer::Flush() {
  if (run_.count == 0) return;
  std::string what = run_.what;
  if (run_.count > 1) {
    const char* which =
        run_.kind == DifferenceKind::kChanged ? " records, the first: " : " records: ";
    what = std::to_string(run_.count) + which + what;
  }
  differences_.Add({run_.kind, task_.partition.topic, task_.partition.partition, run_.first,
                    run_.last, run_.count, "", std::move(what)});
  run_ = Run();
}

}  // namespace maxbrod::engine
