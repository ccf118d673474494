// Taking claims back: the blocks below an offset leave their topic's manifests.
#include <algorithm>

#include "repo/gc.h"
#include "repo/pack_writer.h"

namespace maxbrod::repo {
namespace {

const ReleaseLimit& LimitOf(const ReleaseLimits& limits, int32_t partition, uint64_t branch) {
  static const ReleaseLimit kNone;
  auto it = limits.find({partition, branch});
  return it == limits.end() ? kNone : it->second;
}

bool IsBelow(const BlockEntry& entry, const ReleaseLimits& limits) {
  const ReleaseLimit& limit = LimitOf(limits, entry.owner.partition, entry.owner.branch);
  if (entry.stats.last_offset >= limit.below) return false;
  const int64_t first = entry.stats.first_offset;
  const int64_t end = entry.stats.last_offset + 1;
  const auto free = limit.keep.Missing(first, end);
  return free.size() == 1 && free.front() == std::pair(first, end);
}

bool DropsAny(const TopicManifest& shard, const ReleaseLimits& limits) {
  return std::any_of(shard.entries.begin(), shard.entries.end(),
                     [&](const BlockEntry& entry) { return IsBelow(entry, limits); });
}

// The claims given up. A block that reaches over a border stays in the manifests all the same; a
// later backup that reads its lower part again is trimmed by readers.
format::CommitRecord ReleaseOf(const TopicInfo& topic, const ReleaseLimits& limits) {
  format::CommitRecord record;
  format::ReleaseClaims* release = record.mutable_release_claims();
  release->set_topic_id(UuidToString(topic.id.id));
  release->set_topic(topic.name);
  for (const auto& [number, partition] : topic.partitions) {
    for (const BranchInfo& branch : partition.branches) {
      const ReleaseLimit& limit = LimitOf(limits, number, branch.branch.id());
      for (auto [start, end] : branch.covered.ranges()) {
        if (start >= limit.below) break;
        for (auto [from, to] : limit.keep.Missing(start, std::min(end, limit.below))) {
          format::ReleasedRange* range = release->add_ranges();
          range->set_partition(number);
          range->set_branch(branch.branch.id());
          range->set_start_offset(from);
          range->set_end_offset(to);
        }
      }
    }
  }
  return record;
}

// The commit that releases; `limits_of` tells what of the topic as it is.
template <typename LimitsOf>
Result<Receipt> ReleaseBy(CommitLog& log, IndexCache& cache, const TopicKey& topic,
                          LimitsOf limits_of, const CallContext& context) {
  auto planner = [&](const State& state, const CallContext& plan_context) -> Result<Proposal> {
    const TopicInfo* info = state.FindTopic(topic);
    if (info == nullptr) return Status(Code::kNotFound, "no such topic in the repository");
    const ReleaseLimits limits = limits_of(*info);
    Proposal proposal;
    proposal.actions.push_back(ReleaseOf(*info, limits));
    // Blocks of packs that were loose when their claims went have none.
    if (proposal.actions[0].release_claims().ranges_size() == 0) proposal.actions.clear();
    std::vector<format::ObjectRef> keep;
    std::vector<format::PackRef> packs;
    std::vector<BlockEntry> entries;
    bool changed = false;
    for (const format::ObjectRef& ref : info->manifests) {
      MB_ASSIGN_OR_RETURN(auto shard, cache.Manifest(log.store(), ref, plan_context));
      if (!DropsAny(*shard, limits)) {
        keep.push_back(ref);
        continue;
      }
      changed = true;
      auto first = static_cast<uint32_t>(packs.size());
      packs.insert(packs.end(), shard->packs.begin(), shard->packs.end());
      for (const BlockEntry& entry : shard->entries) {
        if (IsBelow(entry, limits)) continue;
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

}  // namespace

Result<Receipt> Release(CommitLog& log, IndexCache& cache, const TopicKey& topic,
                        const ReleaseLimits& limits, const CallContext& context) {
  return ReleaseBy(log, cache, topic, [&](const TopicInfo&) { return limits; }, context);
}

Result<Receipt> ReleaseBelow(CommitLog& log, IndexCache& cache, const TopicKey& topic,
                             const std::map<int32_t, int64_t>& offsets,
                             const CallContext& context) {
  auto all_branches = [&](const TopicInfo& info) {
    ReleaseLimits limits;
    for (const auto& [number, partition] : info.partitions) {
      auto limit = offsets.find(number);
      if (limit == offsets.end()) continue;
      for (const BranchInfo& branch : partition.branches) {
        limits[{number, branch.branch.id()}].below = limit->second;
      }
    }
    return limits;
  };
  return ReleaseBy(log, cache, topic, all_branches, context);
}

Result<TopicInfo> PreviewRelease(store::Store& store, IndexCache& cache, const TopicInfo& topic,
                                 const ReleaseLimits& limits, std::set<std::string>* packs,
                                 bool* changed, const CallContext& context) {
  TopicInfo after = topic;
  after.manifests.clear();
  *changed = ReleaseOf(topic, limits).release_claims().ranges_size() > 0;
  for (const format::ObjectRef& ref : topic.manifests) {
    MB_ASSIGN_OR_RETURN(auto shard, cache.Manifest(store, ref, context));
    if (!DropsAny(*shard, limits)) {
      after.manifests.push_back(ref);
      continue;
    }
    *changed = true;
    for (const BlockEntry& entry : shard->entries) {
      if (!IsBelow(entry, limits) && entry.pack < shard->packs.size()) {
        packs->insert(PackName(shard->packs[entry.pack]));
      }
    }
  }
  return after;
}

}  // namespace maxbrod::repo
