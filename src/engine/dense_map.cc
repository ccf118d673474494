#include "engine/dense_map.h"

#include "kafka/batch.h"
#include "kafka/record.h"
#include "repo/pack_reader.h"

namespace maxbrod::engine {
namespace {

// Whether the index alone tells where the block's records are.
bool IsPlain(const repo::BlockUse& use, const PlannedPartition& p) {
  const repo::BlockStats& s = use.entry.stats;
  constexpr uint32_t kOther =
      repo::kBlockTransactional | repo::kBlockOldMagic | repo::kBlockEmptyBatch;
  return s.holes_inside == 0 && s.holes_between == 0 && s.markers == 0 && (s.flags & kOther) == 0 &&
         use.use_from <= s.first_offset && use.use_to > s.last_offset &&
         s.first_offset >= p.log_start && s.last_offset < p.end;
}

class Builder {
 public:
  Builder(const PlannedPartition& p, repo::OffsetMap* map) : p_(p), map_(*map) {}

  Status AddEntry(const kafka::BatchEntry& entry, int64_t from, int64_t to) {
    const kafka::BatchHeader& h = entry.header;
    if (h.is_control() || (!entry.old_magic && h.record_count == 0)) return Status::Ok();
    if (!entry.old_magic && h.is_transactional() && p_.aborted.Find(h.producer_id, h.base_offset))
      return Status::Ok();
    if (!entry.old_magic && h.missing_records() == 0) {
      int64_t first = std::max(h.base_offset, from);
      return Add(first, std::min(h.next_offset(), to) - first);
    }
    MB_ASSIGN_OR_RETURN(kafka::RecordIterator it,
                        kafka::RecordIterator::Open(entry.bytes, &buffer_));
    kafka::RecordView record;
    while (it.Next(&record)) {
      if (record.offset < from || record.offset >= to) continue;
      MB_RETURN_IF_ERROR(Add(record.offset, 1));
    }
    return it.status();
  }

  Status Add(int64_t source, int64_t count) {
    return count > 0 ? map_.Add(source, map_.end(), count) : Status::Ok();
  }

 private:
  const PlannedPartition& p_;
  repo::OffsetMap& map_;
  Bytes buffer_;
};

}  // namespace

Result<std::shared_ptr<const repo::OffsetMap>> BuildOffsetMap(repo::Repository& repository,
                                                              const PlannedPartition& partition,
                                                              int64_t target_start,
                                                              const ColdPacks& cold, bool* guessed,
                                                              const CallContext& context) {
  auto map = std::make_shared<repo::OffsetMap>(partition.log_start, partition.end, target_start);
  Builder builder(partition, map.get());
  Bytes storage;
  for (const repo::BlockUse& use : partition.blocks) {
    MB_RETURN_IF_ERROR(context.Check());
    const repo::BlockStats& s = use.entry.stats;
    if (IsPlain(use, partition)) {
      MB_RETURN_IF_ERROR(builder.Add(s.first_offset, s.last_offset + 1 - s.first_offset));
      continue;
    }
    int64_t from = std::max(use.use_from, partition.log_start);
    int64_t to = std::min(use.use_to, partition.end);
    if (cold.Has(use.pack)) {
      *guessed = true;
      MB_RETURN_IF_ERROR(builder.Add(from, std::min(static_cast<int64_t>(s.records), to - from)));
      continue;
    }
    ByteView batches;
    MB_RETURN_IF_ERROR(
        repo::ReadBlock(repository.store(), use.pack, use.entry, &storage, &batches, context));
    kafka::BatchIterator it(batches);
    kafka::BatchEntry entry;
    while (it.Next(&entry)) {
      if (entry.header.last_offset() < from) continue;
      if (!entry.old_magic && entry.header.base_offset >= to) continue;
      MB_RETURN_IF_ERROR(builder.AddEntry(entry, from, to));
    }
    MB_RETURN_IF_ERROR(it.status());
  }
  map->ShrinkToFit();
  return std::shared_ptr<const repo::OffsetMap>(std::move(map));
}

}  // namespace maxbrod::engine
