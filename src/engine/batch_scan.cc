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

// Which offsets an entry spans, and how many of them hold a record.
struct Extent {
  int64_t first = 0;
  int64_t last = 0;
  int64_t records = 0;
  int64_t missing() const { return last + 1 - first - records; }
};

// The header tells, but for a compressed wrapper of an old format, which names its last record
// only: the one case in which a backup looks inside.
Result<Extent> ExtentOf(const BatchEntry& entry) {
  const kafka::BatchHeader& h = entry.header;
  Extent extent{h.base_offset, h.last_offset(), h.record_count};
  if (h.is_control()) extent.records = extent.last + 1 - extent.first;
  if (!entry.old_magic || h.codec_id() == 0) return extent;
  Bytes buffer;
  MB_ASSIGN_OR_RETURN(kafka::RecordIterator it, kafka::RecordIterator::Open(entry.bytes, &buffer));
  kafka::RecordView record;
  extent.records = 0;
  while (it.Next(&record)) {
    if (extent.records++ == 0) extent.first = record.offset;
    extent.last = record.offset;
  }
  MB_RETURN_IF_ERROR(it.status());
  if (extent.records == 0) {
    return Status(Code::kCorrupt,
                  "the message at offset " + std::to_string(h.base_offset) + " wraps nothing");
  }
  return extent;
}

void AddToStats(const BatchEntry& entry, const Extent& extent, uint64_t missing_before,
                repo::BlockStats* stats) {
  const kafka::BatchHeader& h = entry.header;
  bool first = stats->batches == 0;
  if (first) {
    stats->first_offset = extent.first;
    stats->first_epoch = h.partition_leader_epoch;
    stats->missing_before = missing_before;
  } else {
    stats->holes_between += missing_before;
  }
  stats->last_offset = extent.last;
  // Old formats have none; they may follow format 2 where a topic went back to them.
  stats->last_epoch = std::max(stats->last_epoch, h.partition_leader_epoch);
  stats->batches += 1;
  stats->largest_batch = std::max(stats->largest_batch, static_cast<uint32_t>(entry.bytes.size()));
  stats->flags |= FlagsOf(entry);
  stats->codecs |= 1u << h.codec_id();
  if (h.is_control()) {
    stats->markers += 1;
    return;
  }
  stats->records += static_cast<uint64_t>(extent.records);
  stats->holes_inside += static_cast<uint64_t>(extent.missing());
  int64_t earliest = EarliestTimestamp(entry);
  if (earliest >= 0 && (stats->min_timestamp < 0 || earliest < stats->min_timestamp))
    stats->min_timestamp = earliest;
  stats->max_timestamp = std::max(stats->max_timestamp, h.max_timestamp);
}

// A batch beyond the end was met: what lies before it is gone, and no later fetch brings it back (a
// cleaner may remove everything from here to the end while it is read).
Status ReachEnd(const kafka::BatchHeader& beyond, ScanCursor* cursor) {
  if (beyond.base_offset < cursor->end_offset) {
    return Status(Code::kConflict, "the batch at offset " + std::to_string(beyond.base_offset) +
                                       " goes on beyond the log's end as it was (" +
                                       std::to_string(cursor->end_offset) +
                                       "): the log was truncated and written anew meanwhile")
        .WithHint("an unclean leader election or a recreated topic: run the backup again");
  }
  if (cursor->next_offset < cursor->end_offset) {
    cursor->missing += static_cast<uint64_t>(cursor->end_offset - cursor->next_offset);
    cursor->next_offset = cursor->end_offset;
  }
  return Status::Ok();
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
    if (h.last_offset() >= cursor->end_offset) {
      MB_RETURN_IF_ERROR(flush(begin));
      return ReachEnd(h, cursor);
    }
    MB_RETURN_IF_ERROR(kafka::CheckBatchCrc(entry.bytes));
    MB_ASSIGN_OR_RETURN(Extent extent, ExtentOf(entry));
    if (current.stats.batches > 0 && begin + entry.bytes.size() - run_from > run_bytes_max) {
      MB_RETURN_IF_ERROR(flush(begin));
    }
    if (current.stats.batches == 0) run_from = begin;
    uint64_t before = 0;
    if (extent.first > cursor->next_offset)
      before = static_cast<uint64_t>(extent.first - cursor->next_offset);
    cursor->missing += before + static_cast<uint64_t>(extent.missing());
    AddToStats(entry, extent, before, &current.stats);
    cursor->next_offset = extent.last + 1;
    cursor->last_epoch = std::max(cursor->last_epoch, h.partition_leader_epoch);
  }
  MB_RETURN_IF_ERROR(flush(begin));
  return it.status();
}

}  // namespace maxbrod::engine
