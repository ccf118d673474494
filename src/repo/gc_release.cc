// Taking claims back: the blocks below an offset leave their topic's manifests.
#include <algorithm>

#include "repo/gc.h"

namespace maxbrod::repo {
namespace {

bool IsBelow(const BlockEntry& entry, const std::map<int32_t, int64_t>& offsets) {
  auto it = offsets.find(entry.owner.partition);
  return it != offsets.end() && entry.stats.last_offset < it->second;
}

// The claims below the offsets. A block that reaches over an offset stays in the manifests all the
// same; a later backup that reads its lower part again is trimmed by readers.
format::CommitRecord ReleaseOf(const TopicInfo& topic, const std::map<int32_t, int64_t>& offsets) {
  format::CommitRecord record;
  format::ReleaseClaims* release = record.mutable_release_claims();
  release->set_topic_id(UuidToString(topic.id.id));
  release->set_topic(topic.name);
  for (const auto& [number, partition] : topic.partitions) {
    auto limit = offsets.find(number);
    if (limit == offsets.end()) continue;
    for (const BranchInfo& branch : partition.branches) {
      for (auto [start, end] : branch.covered.ranges()) {
        if (start >= limit->second) break;
        format::ReleasedRange* range = release->add_ranges();
        range->set_partition(number);
        range->set_branch(branch.branch.id());
        range->set_start_offset(start);
        range->set_end_offset(std::min(end, limit->second));
      }
    }
  }
  return record;
}

}  // namespace

Result<Receipt> ReleaseBelow(CommitLog& log, IndexCache& cache, const TopicKey& topic,
                             const std::map<int32_t, int64_t>& offsets,
                             const CallContext& context) {
  auto planner = [&](const State& state, const CallContext& plan_context) -> Result<Proposal> {
    const TopicInfo* info = state.FindTopic(topic);
    if (info == nullptr) return Status(Code::kNotFound, "no such topic in the repository");
    Proposal proposal;
    proposal.actions.push_back(ReleaseOf(*info, offsets));
    if (proposal.actions[0].release_claims().ranges_size() == 0) return Proposal();
    std::vector<format::ObjectRef> keep;
    std::vector<format::PackRef> packs;
    std::vector<BlockEntry> entries;
    bool changed = false;
    for (const format::ObjectRef& ref : info->manifests) {
      MB_ASSIGN_OR_RETURN(auto shard, cache.Manifest(log.store(), ref, plan_context));
      bool drops = std::any_of(shard->entries.begin(), shard->entries.end(),
                               [&](const BlockEntry& entry) { return IsBelow(entry, offsets); });
      if (!drops) {
        keep.push_back(ref);
        continue;
      }
      changed = true;
      auto first = static_cast<uint32_t>(packs.size());
      packs.insert(packs.end(), shard->packs.begin(), shard->packs.end());
      for (const BlockEntry& entry : shard->entries) {
        if (IsBelow(entry, offsets)) continue;
        entries.push_back(entry);
        entries.back().pack += first;
      }
    }
    if (!changed) return proposal;
    MB_ASSIGN_OR_RETURN(auto refs, WriteManifests(log.store(), info->id, info->name, keep, packs,
                                                  entries, plan_context));
    format::SetManifests* set = proposal.actions.emplace_back().mutable_set_manifests();
    set->set_topic_id(UuidToString(info->id.id));
    set->set_topic(info->name);
    for (format::ObjectRef& ref : refs) *set->add_manifests() = std::move(ref);
    return proposal;
  };
  return log.Append(planner, context);
}

}  // namespace maxbrod::repo
