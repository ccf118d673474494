#include "repo/snapshot_fill.h"

#include <map>
#include <string>

namespace maxbrod::repo {
namespace {

using GapList = google::protobuf::RepeatedPtrField<format::Gap>;

// The partition's branches in the state, by id.
std::map<uint64_t, format::Branch> BranchMap(const PartitionInfo& info) {
  std::map<uint64_t, format::Branch> out;
  for (const BranchInfo& branch : info.branches) out[branch.branch.id()] = branch.branch;
  return out;
}

// The reason that the engine gave for a gap around these offsets.
std::string ReasonOf(const GapList& known, int64_t start, int64_t end) {
  for (const format::Gap& gap : known) {
    if (gap.start_offset() < end && start < gap.end_offset() && !gap.reason().empty()) {
      return gap.reason();
    }
  }
  return kNeverRead;
}

void AddGap(int64_t start, int64_t end, const GapList& known, GapList* gaps) {
  std::string reason = ReasonOf(known, start, end);
  if (!gaps->empty()) {
    format::Gap& last = *gaps->Mutable(gaps->size() - 1);
    if (last.end_offset() == start && last.reason() == reason) {
      last.set_end_offset(end);
      return;
    }
  }
  format::Gap* gap = gaps->Add();
  gap->set_start_offset(start);
  gap->set_end_offset(end);
  gap->set_reason(reason);
}

}  // namespace

Status FillPartition(const PartitionInfo* info, format::PartitionSnapshot* partition,
                     format::TopicSnapshot* topic) {
  GapList known = partition->gaps();
  partition->clear_gaps();
  if (partition->start_offset() < 0 || partition->end_offset() < partition->start_offset()) {
    return Status(Code::kInvalidArgument, "impossible offsets in a snapshot");
  }
  const BranchInfo* own = info == nullptr ? nullptr : info->Find(partition->branch());
  if (own == nullptr) {
    if (partition->start_offset() < partition->end_offset()) {
      AddGap(partition->start_offset(), partition->end_offset(), known, partition->mutable_gaps());
    }
    if (partition->branch() == 0) return Status::Ok();
    if (partition->start_offset() == partition->end_offset()) return Status::Ok();
    return Status(Code::kInvalidArgument, "the branch of a partition was never claimed");
  }
  partition->set_generation(own->branch.generation());
  MB_ASSIGN_OR_RETURN(
      auto slices, SliceBranches(BranchMap(*info), partition->branch(), partition->start_offset(),
                                 partition->end_offset()));
  for (const BranchSlice& slice : slices) {
    const BranchInfo* branch = info->Find(slice.branch);
    OffsetRanges none;
    const OffsetRanges& covered = branch == nullptr ? none : branch->covered;
    for (auto [start, end] : covered.Missing(slice.from_offset, slice.to_offset)) {
      AddGap(start, end, known, partition->mutable_gaps());
    }
  }
  for (const BranchInfo* at = own; at != nullptr;) {
    *topic->add_branches_used() = at->branch;
    topic->add_branches_used_partition(partition->partition());
    at = at->branch.has_parent() ? info->Find(at->branch.parent()) : nullptr;
  }
  return Status::Ok();
}

void FillStats(const std::vector<format::TopicSnapshot>& topics, size_t groups,
               format::SnapshotHeader* header) {
  format::SnapshotStats* stats = header->mutable_stats();
  stats->set_topics(topics.size());
  stats->set_groups(groups);
  uint64_t partitions = 0;
  uint64_t records = 0;
  uint64_t bytes = 0;
  uint64_t gaps = 0;
  for (const format::TopicSnapshot& topic : topics) {
    partitions += static_cast<uint64_t>(topic.partitions_size());
    for (const format::PartitionSnapshot& partition : topic.partitions()) {
      records += partition.records();
      bytes += partition.bytes();
      gaps += static_cast<uint64_t>(partition.gaps_size());
    }
  }
  stats->set_partitions(partitions);
  stats->set_records(records);
  stats->set_bytes(bytes);
  stats->set_gaps(gaps);
  stats->set_warnings(static_cast<uint64_t>(header->warnings_size()));
}

}  // namespace maxbrod::repo
