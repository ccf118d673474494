#include "repo/fold.h"

#include <algorithm>
#include <tuple>

#include "repo/commit_codec.h"

namespace maxbrod::repo {
namespace {

// What becomes of one topic.
struct TopicFold {
  TopicId id;
  std::string name;
  std::vector<format::ObjectRef> keep;  // full shards
  std::vector<format::PackRef> packs;
  std::vector<BlockEntry> entries;
};

TopicKey KeyOf(const BlockOwner& owner) {
  return TopicKey{owner.topic_id, owner.topic_id.id.IsZero() ? owner.topic : std::string()};
}

// The topic's full shards stay, the last one is taken apart.
Status OpenTopic(store::Store& store, const State& state, const BlockOwner& owner,
                 IndexCache& cache, TopicFold* fold, const CallContext& context) {
  fold->id = owner.topic_id;
  fold->name = owner.topic;
  const TopicInfo* info = state.FindTopic(KeyOf(owner));
  if (info == nullptr) return Status::Ok();
  for (const format::ObjectRef& ref : info->manifests) {
    if (IsFullManifest(ref)) {
      fold->keep.push_back(ref);
      continue;
    }
    MB_ASSIGN_OR_RETURN(auto shard, cache.Manifest(store, ref, context));
    auto first = static_cast<uint32_t>(fold->packs.size());
    fold->packs.insert(fold->packs.end(), shard->packs.begin(), shard->packs.end());
    for (BlockEntry entry : shard->entries) {
      entry.pack += first;
      fold->entries.push_back(std::move(entry));
    }
  }
  return Status::Ok();
}

// Leaves out blocks that lie wholly in blocks of earlier commits, of the same branch.
void DropCovered(std::vector<BlockEntry>* entries) {
  auto key = [](const BlockEntry& e) {
    return std::tuple(e.commit, e.stats.first_offset, e.pack, e.place.pack_offset);
  };
  std::sort(entries->begin(), entries->end(),
            [&](const BlockEntry& a, const BlockEntry& b) { return key(a) < key(b); });
  std::map<std::pair<int32_t, uint64_t>, OffsetRanges> covered;
  std::erase_if(*entries, [&](const BlockEntry& entry) {
    OffsetRanges& ranges = covered[{entry.owner.partition, entry.owner.branch}];
    int64_t end = entry.stats.last_offset + 1;
    if (ranges.Covers(entry.stats.first_offset, end)) return true;
    // Offsets known to be missing before the block are covered as well as they can be.
    auto missing = static_cast<int64_t>(entry.stats.missing_before);
    ranges.Add(entry.stats.first_offset - missing, end);
    return false;
  });
}

}  // namespace

Result<FoldResult> FoldLoosePacks(store::Store& store, const State& state, IndexCache& cache,
                                  const CallContext& context) {
  FoldResult out;
  std::map<TopicKey, TopicFold> topics;
  std::vector<std::string> folded;
  for (const format::LoosePack& loose : state.loose_packs) {
    MB_RETURN_IF_ERROR(context.Check());
    folded.push_back(loose.pack().id());
    MB_ASSIGN_OR_RETURN(auto entries, cache.PackEntries(store, loose.pack(), context));
    std::map<TopicKey, uint32_t> pack_numbers;  // of this pack, in each topic
    for (BlockEntry entry : *entries) {
      TopicKey key = KeyOf(entry.owner);
      auto [topic, is_new] = topics.try_emplace(key);
      if (is_new) {
        MB_RETURN_IF_ERROR(OpenTopic(store, state, entry.owner, cache, &topic->second, context));
      }
      TopicFold& fold = topic->second;
      auto [number, first] =
          pack_numbers.try_emplace(key, static_cast<uint32_t>(fold.packs.size()));
      if (first) fold.packs.push_back(loose.pack());
      entry.pack = number->second;
      entry.commit = loose.commit();
      fold.entries.push_back(std::move(entry));
    }
  }
  for (auto& [key, fold] : topics) {
    MB_RETURN_IF_ERROR(context.Check());
    DropCovered(&fold.entries);
    MB_ASSIGN_OR_RETURN(auto refs, WriteManifests(store, fold.id, fold.name, fold.keep, fold.packs,
                                                  fold.entries, context));
    format::SetManifests* set = out.actions.emplace_back().mutable_set_manifests();
    set->set_topic_id(UuidToString(fold.id.id));
    set->set_topic(fold.name);
    for (const format::ObjectRef& ref : refs) *set->add_manifests() = ref;
    out.manifests[key] = std::move(refs);
  }
  for (format::CommitRecord& record : SplitFolds(folded)) out.actions.push_back(std::move(record));
  return out;
}

}  // namespace maxbrod::repo
