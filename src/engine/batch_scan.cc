#include "engine/batch_scan.h"

#include <algorithm>

#include "kafka/batch.h"
#include "kafka/record.h"

namespace maxbrod::engine {
namespace {

using kafka::BatchEntry;

uint32_t FlagsOf(const BatchEntry& entry) {
  if (entry.old_magic) return repo::kBlockOldMagic;
  uint32_t flags = 0;
  if (entry.header.is_log_append_time()) flags |= repo::kBlockLogAppendTime;
  if (entry.header.is_transactional()) flags |= repo::kBlockTransactional;
  if (entry.header.producer_id >= 0) flags |= repo::kBlockIdempotent;
  if (entry.header.has_delete_horizon()) flags |= repo::kBlockDeleteHorizon;
  if (entry.header.record_count == 0) flags |= repo::kBlockEmptyBatch;
  if (entry.header.is_control() && entry.header.record_count > 0) {
    auto control = kafka::ControlRecord::ParseBatch(entry.bytes);
    if (!control.ok() || !control->is_marker()) flags |= repo::kBlockUnknownControl;
  }
  return flags;
}

// The earliest time a batch tells of. Under a delete horizon the base timestamp is something else
// (KIP-534).
int64_t EarliestTimestamp(const BatchEntry& entry) {
  bool base_is_time =
      !entry.old_magic && !entry.header.has_delete_horizon() && !entry.header.is_log_append_time();
  return base_is_time ? std::min(entry.header.base_timestamp, entry.header.max_timestamp)
                      : entry.header.max_timestamp;
}

void AddToStats(const BatchEntry& entry, uint64_t missing_before, repo::BlockStats* stats) {
  const kafka::BatchHeader& h = entry.header;
  bool first = stats->batches == 0;
  if (first) {
    stats->first_offset = h.base_offset;
    stats->first_epoch = h.partition_leader_epoch;
    stats->missing_before = missing_before;
  } else {
    stats->holes_between += missing_before;
  }
  stats->last_offset = h.last_offset();
  stats->last_epoch = h.partition_leader_epoch;
  stats->batches += 1;
  stats->largest_batch = std::max(stats->largest_batch, static_cast<uint32_t>(entry.bytes.size()));
  stats->flags |= FlagsOf(entry);
  stats->codecs |= 1u << h.codec_id();
  if (h.is_control()) {
    stats->markers += 1;
    return;
  }
  stats->records += static_cast<uint64_t>(h.record_count);
  if (!entry.old_magic) stats->holes_inside += static_cast<uint64_t>(h.missing_records());
  int64_t earliest = EarliestTimestamp(entry);
  if (earliest >= 0 && (stats->min_timestamp < 0 || earliest < stats->min_timestamp))
    stats->min_timestamp = earliest;
  stats->max_timestamp = std::max(stats->max_timestamp, h.max_timestamp);
}

}  // namespace

Status ScanBatches(ByteView records, size_t run_bytes_max, ScanCursor* cursor,
                   const std::function<Status(const BatchRun&)>& run) {
  BatchRun current;
  size_t run_from = 0;
  auto flush = [&](size_t end) -> Status {
    if (current.stats.batches == 0) return Status::Ok();
    current.bytes = records.subspan(run_from, end - run_from);
    MB_RETURN_IF_ERROR(run(current));
    current = BatchRun();
    return Status::Ok();
  };
  kafka::BatchIterator it(records);
  BatchEntry entry;
  size_t begin = 0;
  for (; it.Next(&entry); begin = it.position()) {
    const kafka::BatchHeader& h = entry.header;
    if (h.last_offset() < cursor->next_offset) {
      MB_RETURN_IF_ERROR(flush(begin));
      continue;
    }
    if (h.base_offset >= cursor->end_offset || h.last_offset() >= cursor->end_offset) break;
    MB_RETURN_IF_ERROR(kafka::CheckBatchCrc(entry.bytes));
    if (current.stats.batches > 0 && begin + entry.bytes.size() - run_from > run_bytes_max) {
      MB_RETURN_IF_ERROR(flush(begin));
    }
    if (current.stats.batches == 0) run_from = begin;
    uint64_t before = 0;
    if (h.base_offset > cursor->next_offset)
      before = static_cast<uint64_t>(h.base_offset - cursor->next_offset);
    cursor->missing += before;
    if (!h.is_control() && !entry.old_magic)
      cursor->missing += static_cast<uint64_t>(h.missing_records());
    AddToStats(entry, before, &current.stats);
    cursor->next_offset = h.next_offset();
    cursor->last_epoch = h.partition_leader_epoch;
  }
  MB_RETURN_IF_ERROR(flush(begin));
  return it.status();
}

}  // namespace maxbrod::engine
