#include "repo/block_resolve.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace maxbrod::repo {
namespace {

struct Candidate {
  const BlockEntry* entry = nullptr;
  const TopicManifest* shard = nullptr;
};
// By (partition, branch): all blocks of the topic.
using Candidates = std::map<std::pair<int32_t, uint64_t>, std::vector<Candidate>>;

// Branches of each partition that the snapshot walks over.
using Branches = std::map<int32_t, std::map<uint64_t, format::Branch>>;

Result<Branches> BranchesOf(const format::TopicSnapshot& topic) {
  if (topic.branches_used_size() != topic.branches_used_partition_size()) {
    return Status(Code::kCorrupt, "topic '" + topic.topic() + "' of a snapshot: columns differ");
  }
  Branches out;
  for (int i = 0; i < topic.branches_used_size(); ++i) {
    const format::Branch& branch = topic.branches_used(i);
    out[topic.branches_used_partition(i)][branch.id()] = branch;
  }
  return out;
}

void TakeSlice(const BranchSlice& slice, std::vector<Candidate> blocks,
               std::vector<BlockUse>* out) {
  std::erase_if(blocks, [&](const Candidate& c) {
    return c.entry->stats.first_offset >= slice.to_offset ||
           c.entry->stats.last_offset < slice.from_offset;
  });
  std::sort(blocks.begin(), blocks.end(), [](const Candidate& a, const Candidate& b) {
    return std::tuple(a.entry->stats.first_offset, a.entry->commit, a.entry->place.pack_offset) <
           std::tuple(b.entry->stats.first_offset, b.entry->commit, b.entry->place.pack_offset);
  });
  int64_t at = slice.from_offset;
  for (const Candidate& c : blocks) {
    if (c.entry->stats.last_offset < at) continue;
    BlockUse use;
    use.entry = *c.entry;
    use.pack = c.shard->packs[c.entry->pack];
    use.use_from = std::max(at, c.entry->stats.first_offset);
    use.use_to = std::min(c.entry->stats.last_offset + 1, slice.to_offset);
    out->push_back(std::move(use));
    at = c.entry->stats.last_offset + 1;
  }
}

}  // namespace

Result<TopicBlocks> ResolveBlocks(const format::TopicSnapshot& topic,
                                  const std::vector<std::shared_ptr<const TopicManifest>>& shards) {
  MB_ASSIGN_OR_RETURN(Branches branches, BranchesOf(topic));
  Candidates candidates;
  for (const auto& shard : shards) {
    for (const BlockEntry& entry : shard->entries) {
      if (entry.pack >= shard->packs.size()) {
        return Status(Code::kCorrupt, "a manifest of '" + topic.topic() + "' names no pack");
      }
      candidates[{entry.owner.partition, entry.owner.branch}].push_back({&entry, shard.get()});
    }
  }
  TopicBlocks out;
  for (const format::PartitionSnapshot& partition : topic.partitions()) {
    std::vector<BlockUse>& uses = out.partitions[partition.partition()];
    auto slices = SliceBranches(branches[partition.partition()], partition.branch(),
                                partition.start_offset(), partition.end_offset());
    if (!slices.ok()) {
      return slices.status().WithContext(
          fmt::format("{}-{}", topic.topic(), partition.partition()));
    }
    for (const BranchSlice& slice : *slices) {
      auto it = candidates.find({partition.partition(), slice.branch});
      if (it != candidates.end()) TakeSlice(slice, it->second, &uses);
    }
  }
  return out;
}

UseTotals SumUses(const std::vector<BlockUse>& uses) {
  UseTotals out;
  for (const BlockUse& use : uses) {
    const BlockStats& stats = use.entry.stats;
    auto span = static_cast<uint64_t>(stats.last_offset - stats.first_offset + 1);
    auto used = static_cast<uint64_t>(use.use_to - use.use_from);
    out.max_timestamp = std::max(out.max_timestamp, stats.max_timestamp);
    if (used == span) {
      out.records += stats.records;
      out.bytes += use.entry.place.plain_bytes;
      continue;
    }
    double part = static_cast<double>(used) / static_cast<double>(span);
    out.records += stats.records == span
                       ? used
                       : static_cast<uint64_t>(static_cast<double>(stats.records) * part);
    out.bytes += static_cast<uint64_t>(static_cast<double>(use.entry.place.plain_bytes) * part);
  }
  return out;
}

}  // namespace maxbrod::repo
