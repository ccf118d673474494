#include "engine/last_hole.h"

#include "kafka/batch.h"
#include "kafka/record.h"
#include "repo/pack_reader.h"

namespace maxbrod::engine {
namespace {

// The last offsets of [from, to) in the entry that have no record.
Result<std::optional<Hole>> LastHoleInside(ByteView entry, int64_t from, int64_t to) {
  Bytes buffer;
  MB_ASSIGN_OR_RETURN(kafka::RecordIterator it, kafka::RecordIterator::Open(entry, &buffer));
  std::optional<Hole> last;
  kafka::RecordView record;
  int64_t next = from;
  while (it.Next(&record)) {
    if (record.offset > next && next < to) last = Hole{next, std::min(record.offset, to)};
    next = std::max(next, record.offset + 1);
  }
  MB_RETURN_IF_ERROR(it.status());
  if (next < to) last = Hole{next, to};
  return last;
}

Result<std::optional<Hole>> LastHoleOfBlock(ByteView batches, int64_t from, int64_t to) {
  std::optional<Hole> last;
  int64_t next = from;
  kafka::BatchIterator it(batches);
  kafka::BatchEntry entry;
  while (it.Next(&entry) && next < to) {
    const kafka::BatchHeader& h = entry.header;
    if (h.last_offset() < next) continue;
    if (entry.old_magic) {
      MB_ASSIGN_OR_RETURN(auto hole,
                          LastHoleInside(entry.bytes, next, std::min(h.next_offset(), to)));
      if (hole) last = hole;
    } else {
      if (h.base_offset > next) last = Hole{next, std::min(h.base_offset, to)};
      next = std::max(next, h.base_offset);
      bool holes = !h.is_control() && h.missing_records() > 0;
      if (holes && h.record_count == 0) last = Hole{next, std::min(h.next_offset(), to)};
      if (holes && h.record_count > 0) {
        MB_ASSIGN_OR_RETURN(auto hole,
                            LastHoleInside(entry.bytes, next, std::min(h.next_offset(), to)));
        if (hole) last = hole;
      }
    }
    next = h.next_offset();
  }
  MB_RETURN_IF_ERROR(it.status());
  if (next < to) last = Hole{next, to};
  return last;
}

}  // namespace

Result<std::optional<Hole>> FindLastHole(repo::Repository& repository,
                                         const PlannedPartition& partition, const ColdPacks& cold,
                                         bool* guessed, const CallContext& context) {
  int64_t after = partition.end;
  for (size_t i = partition.blocks.size(); i-- > 0;) {
    const repo::BlockUse& use = partition.blocks[i];
    if (use.use_to < after) return std::optional<Hole>(Hole{use.use_to, after});
    const repo::BlockStats& s = use.entry.stats;
    int64_t from = std::max(use.use_from, partition.log_start);
    if (s.holes_inside + s.holes_between > 0) {
      if (cold.Has(use.pack)) {
        *guessed = true;
        return std::optional<Hole>(Hole{after - 1, after});
      }
      Bytes storage;
      ByteView batches;
      MB_RETURN_IF_ERROR(
          repo::ReadBlock(repository.store(), use.pack, use.entry, &storage, &batches, context));
      MB_ASSIGN_OR_RETURN(auto hole, LastHoleOfBlock(batches, from, std::min(use.use_to, after)));
      if (hole) return hole;
    }
    after = from;
  }
  if (after > partition.log_start) return std::optional<Hole>(Hole{partition.log_start, after});
  return std::optional<Hole>();
}

}  // namespace maxbrod::engine
