#include "engine/plan_partition.h"

#include <algorithm>

namespace maxbrod::engine {
namespace {

uint64_t Offsets(int64_t from, int64_t to) {
  return to > from ? static_cast<uint64_t>(to - from) : 0;
}

void AddBlock(const repo::BlockUse& use, PlannedTopic* topic, PlannedPartition* p) {
  const repo::BlockStats& s = use.entry.stats;
  p->holes += s.holes_inside + s.holes_between;
  p->markers += s.markers;
  p->bytes += use.entry.place.plain_bytes;
  p->records += s.records;
  topic->old_formats = topic->old_formats || (s.flags & repo::kBlockOldMagic) != 0;
  topic->log_append_time = topic->log_append_time || (s.flags & repo::kBlockLogAppendTime) != 0;
  topic->largest_batch = std::max(topic->largest_batch, s.largest_batch);
}

}  // namespace

std::string SummarizePartition(PlannedTopic* topic, PlannedPartition* p) {
  bool unknown_control = false;
  int64_t next = p->log_start;
  std::vector<repo::AbortedTransaction> aborted;
  p->data_start = p->log_start;
  for (const repo::BlockUse& use : p->blocks) {
    if (&use == p->blocks.data()) {
      // Batches below the log start are not restored; where the one that holds it begins is seen
      // when it is read.
      p->data_start = std::min(use.use_from, p->log_start);
      p->first_timestamp = use.entry.stats.min_timestamp;
    }
    p->holes += Offsets(next, use.use_from);
    next = use.use_to;
    AddBlock(use, topic, p);
    const auto& list = use.entry.stats.aborted;
    aborted.insert(aborted.end(), list.begin(), list.end());
    unknown_control = unknown_control || (use.entry.stats.flags & repo::kBlockUnknownControl) != 0;
  }
  p->holes += Offsets(next, p->end);
  p->aborted = AbortedIndex(aborted, p->log_start, p->end);
  topic->filler += static_cast<uint64_t>(p->data_start);
  topic->markers += p->holes + p->markers;
  topic->transactions += p->aborted.transactions().size();
  topic->bytes += p->bytes;
  topic->records += p->records;
  if (!unknown_control) return {};
  return topic->source + "-" + std::to_string(p->partition) +
         ": control batches that are no transaction markers";
}

}  // namespace maxbrod::engine
