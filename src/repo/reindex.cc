#include "repo/reindex.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "codec/hash.h"
#include "os/crash_point.h"
#include "repo/block_resolve.h"
#include "repo/content_object.h"
#include "repo/pack_writer.h"
#include "repo/snapshot_codec.h"
#include "repo/vault.h"

namespace maxbrod::repo {
namespace {

using Place = std::pair<std::string, uint64_t>;  // pack id and offset in it

Place PlaceOf(const TopicManifest& shard, const BlockEntry& entry) {
  return {shard.packs[entry.pack].id(), entry.place.pack_offset};
}

// Tells two lists of blocks apart, in memory.
std::string DigestOf(const TopicManifest& shard) {
  std::string text;
  for (const BlockEntry& entry : shard.entries) {
    const Place place = PlaceOf(shard, entry);
    text += fmt::format("{}:{};", ToHex(AsBytes(place.first)), place.second);
  }
  return ToString(Sha256(AsBytes(text)));
}

OffsetRanges RangesOf(const std::vector<BlockUse>& uses) {
  OffsetRanges out;
  for (const BlockUse& use : uses) {
    // Offsets that are known to hold nothing belong to the block behind them.
    out.Add(use.use_from - static_cast<int64_t>(use.entry.stats.missing_before), use.use_to);
  }
  return out;
}

void AddGap(int64_t start, int64_t end, const std::string& reason,
            format::PartitionSnapshot* partition) {
  format::Gap* gap = partition->add_gaps();
  gap->set_start_offset(start);
  gap->set_end_offset(end);
  gap->set_reason(reason);
  std::sort(partition->mutable_gaps()->begin(), partition->mutable_gaps()->end(),
            [](const format::Gap& a, const format::Gap& b) {
              return a.start_offset() < b.start_offset();
            });
}

// Counts the snapshot's figures again.
void FillStats(SnapshotContents* contents) {
  format::SnapshotStats* stats = contents->header.mutable_stats();
  uint64_t records = 0, bytes = 0, gaps = 0;
  for (const format::TopicSnapshot& topic : contents->topics) {
    for (const format::PartitionSnapshot& partition : topic.partitions()) {
      records += partition.records();
      bytes += partition.bytes();
      gaps += static_cast<uint64_t>(partition.gaps_size());
    }
  }
  stats->set_records(records);
  stats->set_bytes(bytes);
  stats->set_gaps(gaps);
}

std::vector<format::ObjectRef> ListOf(
    const google::protobuf::RepeatedPtrField<format::ObjectRef>& refs) {
  return {refs.begin(), refs.end()};
}

bool Overlaps(const OffsetRanges& ranges, int64_t from, int64_t to) {
  const auto missing = ranges.Missing(from, to);
  return !(missing.size() == 1 && missing[0] == std::pair(from, to));
}

}  // namespace

// The shard's entries with the moves applied.
Result<std::shared_ptr<const TopicManifest>> Reindexer::Moved(const TopicManifest& shard, bool drop,
                                                              bool* changed) const {
  auto out = std::make_shared<TopicManifest>();
  out->topic_id = shard.topic_id;
  out->topic = shard.topic;
  out->packs = shard.packs;
  const auto first = static_cast<uint32_t>(out->packs.size());
  out->packs.insert(out->packs.end(), request_.moves.packs.begin(), request_.moves.packs.end());
  for (const BlockEntry& entry : shard.entries) {
    if (entry.pack >= shard.packs.size()) return Status(Code::kCorrupt, "a manifest names no pack");
    auto pack = request_.moves.emptied.find(shard.packs[entry.pack].id());
    if (pack == request_.moves.emptied.end()) {
      out->entries.push_back(entry);
      continue;
    }
    auto target = pack->second.find(entry.place.pack_offset);
    if (target == pack->second.end()) {
      if (!drop) out->entries.push_back(entry);
      *changed = *changed || drop;
      continue;
    }
    BlockEntry moved = entry;
    moved.pack = first + target->second.pack;
    moved.place = target->second.place;
    moved.place.DropChecks();
    out->entries.push_back(std::move(moved));
    *changed = true;
  }
  return std::shared_ptr<const TopicManifest>(std::move(out));
}

Result<Reindexer::NewShards> Reindexer::Transform(const std::vector<format::ObjectRef>& refs,
                                                  bool drop, const Wanted& wanted, bool write,
                                                  const CallContext& context) {
  NewShards out;
  std::set<Place> readable;
  std::vector<std::pair<format::ObjectRef, std::shared_ptr<const TopicManifest>>> lost;
  auto take = [&](const format::ObjectRef& ref, const TopicManifest& shard,
                  bool rebuilt) -> Status {
    bool changed = rebuilt;
    MB_ASSIGN_OR_RETURN(auto moved, Moved(shard, drop, &changed));
    if (!changed) {
      out.refs.push_back(ref);
      out.shards.push_back(std::move(moved));
      return Status::Ok();
    }
    out.changed = true;
    out.shards.push_back(moved);
    if (moved->entries.empty() || !write) return Status::Ok();
    const std::string key = DigestOf(*moved);
    auto known = written_.find(key);
    if (known == written_.end()) {
      MB_ASSIGN_OR_RETURN(auto fresh, WriteManifests(store_, moved->topic_id, moved->topic, {},
                                                     moved->packs, moved->entries, context));
      known = written_.emplace(key, std::move(fresh)).first;
    }
    out.refs.insert(out.refs.end(), known->second.begin(), known->second.end());
    return Status::Ok();
  };
  for (const format::ObjectRef& ref : refs) {
    MB_RETURN_IF_ERROR(context.Check());
    auto rebuilt = request_.rebuilt.find(ref.sha256());
    if (rebuilt != request_.rebuilt.end()) {
      lost.emplace_back(ref, rebuilt->second);
      continue;
    }
    MB_ASSIGN_OR_RETURN(auto shard, cache_.Manifest(store_, ref, context));
    for (const BlockEntry& entry : shard->entries) {
      if (entry.pack < shard->packs.size()) readable.insert(PlaceOf(*shard, entry));
    }
    MB_RETURN_IF_ERROR(take(ref, *shard, false));
  }
  for (const auto& [ref, all] : lost) {
    TopicManifest mine = *all;
    std::erase_if(mine.entries, [&](const BlockEntry& entry) {
      return !wanted(entry) || !readable.insert(PlaceOf(*all, entry)).second;
    });
    MB_RETURN_IF_ERROR(take(ref, mine, true));
  }
  return out;
}

// After an index was rebuilt: claims of verbatim branches that no block is left of. Compacted ones
// have holes that nobody can tell from losses.
Status Reindexer::ReleaseUnindexed(const State& state, const TopicInfo& topic,
                                   std::map<std::pair<int32_t, uint64_t>, OffsetRanges> have,
                                   format::ReleaseClaims* release, ReindexResult* out,
                                   const CallContext& context) {
  const bool rebuilt = std::any_of(
      topic.manifests.begin(), topic.manifests.end(),
      [&](const format::ObjectRef& ref) { return request_.rebuilt.contains(ref.sha256()); });
  if (!rebuilt) return Status::Ok();
  for (const format::LoosePack& loose : state.loose_packs) {
    auto entries = cache_.PackEntries(store_, loose.pack(), context);
    if (!entries.ok()) continue;  // its claims are somebody else's matter
    for (const BlockEntry& entry : **entries) {
      if (MakeTopicKey(UuidToString(entry.owner.topic_id.id), entry.owner.topic) !=
          MakeTopicKey(UuidToString(topic.id.id), topic.name)) {
        continue;
      }
      have[{entry.owner.partition, entry.owner.branch}].Add(
          entry.stats.first_offset - static_cast<int64_t>(entry.stats.missing_before),
          entry.stats.last_offset + 1);
    }
  }
  for (const auto& [number, partition] : topic.partitions) {
    for (const BranchInfo& branch : partition.branches) {
      if (branch.branch.compacted()) continue;
      OffsetRanges& mine = have[{number, branch.branch.id()}];
      for (auto [start, end] : branch.covered.ranges()) {
        for (auto [from, to] : mine.Missing(start, end)) {
          format::ReleasedRange* range = release->add_ranges();
          range->set_partition(number);
          range->set_branch(branch.branch.id());
          range->set_start_offset(from);
          range->set_end_offset(to);
          out->lost.insert({release->topic_id(), topic.name, number, branch.branch.id(), from, to});
        }
      }
    }
  }
  return Status::Ok();
}

Status Reindexer::Topic(const State& state, const TopicInfo& topic, bool write, ReindexResult* out,
                        const CallContext& context) {
  auto claimed = [&](const BlockEntry& entry) {
    auto partition = topic.partitions.find(entry.owner.partition);
    if (partition == topic.partitions.end()) return false;
    const BranchInfo* branch = partition->second.Find(entry.owner.branch);
    return branch != nullptr &&
           Overlaps(branch->covered, entry.stats.first_offset, entry.stats.last_offset + 1);
  };
  MB_ASSIGN_OR_RETURN(NewShards after,
                      Transform(topic.manifests, request_.lost, claimed, write, context));
  if (!after.changed) return Status::Ok();
  ++out->topics;
  format::SetManifests* set = out->proposal.actions.emplace_back().mutable_set_manifests();
  set->set_topic_id(UuidToString(topic.id.id));
  set->set_topic(topic.name);
  for (const format::ObjectRef& ref : after.refs) *set->add_manifests() = ref;
  if (!request_.lost) return Status::Ok();
  // What claims say and no block holds any more is taken back.
  std::map<std::pair<int32_t, uint64_t>, OffsetRanges> have;
  for (const auto& shard : after.shards) {
    for (const BlockEntry& entry : shard->entries) {
      have[{entry.owner.partition, entry.owner.branch}].Add(
          entry.stats.first_offset - static_cast<int64_t>(entry.stats.missing_before),
          entry.stats.last_offset + 1);
    }
  }
  format::ReleaseClaims release;
  release.set_topic_id(set->topic_id());
  release.set_topic(topic.name);
  for (const format::ObjectRef& ref : topic.manifests) {
    std::shared_ptr<const TopicManifest> shard;
    if (request_.rebuilt.contains(ref.sha256())) continue;
    MB_ASSIGN_OR_RETURN(shard, cache_.Manifest(store_, ref, context));
    for (const BlockEntry& entry : shard->entries) {
      auto pack = request_.moves.emptied.find(shard->packs[entry.pack].id());
      if (pack == request_.moves.emptied.end() || pack->second.contains(entry.place.pack_offset)) {
        continue;
      }
      for (auto [start, end] : have[{entry.owner.partition, entry.owner.branch}].Missing(
               entry.stats.first_offset, entry.stats.last_offset + 1)) {
        if (!claimed(entry)) continue;
        format::ReleasedRange* range = release.add_ranges();
        range->set_partition(entry.owner.partition);
        range->set_branch(entry.owner.branch);
        range->set_start_offset(start);
        range->set_end_offset(end);
        out->lost.insert(
            {set->topic_id(), topic.name, entry.owner.partition, entry.owner.branch, start, end});
      }
    }
  }
  MB_RETURN_IF_ERROR(ReleaseUnindexed(state, topic, have, &release, out, context));
  if (release.ranges_size() > 0) {
    *out->proposal.actions.emplace_back().mutable_release_claims() = std::move(release);
  }
  return Status::Ok();
}

Result<bool> Reindexer::SnapshotTopic(format::TopicSnapshot* topic, bool write, ReindexResult* out,
                                      const CallContext& context) {
  std::map<int32_t, std::map<uint64_t, format::Branch>> branches;
  for (int i = 0; i < topic->branches_used_size() && i < topic->branches_used_partition_size();
       ++i) {
    branches[topic->branches_used_partition(i)][topic->branches_used(i).id()] =
        topic->branches_used(i);
  }
  std::map<std::pair<int32_t, uint64_t>, OffsetRanges> needs;
  for (const format::PartitionSnapshot& p : topic->partitions()) {
    MB_ASSIGN_OR_RETURN(auto slices, SliceBranches(branches[p.partition()], p.branch(),
                                                   p.start_offset(), p.end_offset()));
    for (const BranchSlice& slice : slices) {
      needs[{p.partition(), slice.branch}].Add(slice.from_offset, slice.to_offset);
    }
  }
  auto wanted = [&](const BlockEntry& entry) {
    auto need = needs.find({entry.owner.partition, entry.owner.branch});
    return need != needs.end() &&
           Overlaps(need->second, entry.stats.first_offset, entry.stats.last_offset + 1);
  };
  const std::vector<format::ObjectRef> old = ListOf(topic->manifests());
  MB_ASSIGN_OR_RETURN(NewShards after, Transform(old, true, wanted, write, context));
  if (!after.changed) return false;
  std::vector<std::shared_ptr<const TopicManifest>> shards;
  bool rebuilt = false;
  for (const format::ObjectRef& ref : old) {
    rebuilt = rebuilt || request_.rebuilt.contains(ref.sha256());
    if (request_.rebuilt.contains(ref.sha256())) continue;
    MB_ASSIGN_OR_RETURN(auto shard, cache_.Manifest(store_, ref, context));
    shards.push_back(std::move(shard));
  }
  MB_ASSIGN_OR_RETURN(TopicBlocks was, ResolveBlocks(*topic, shards));
  MB_ASSIGN_OR_RETURN(TopicBlocks is, ResolveBlocks(*topic, after.shards));
  topic->clear_manifests();
  for (const format::ObjectRef& ref : after.refs) *topic->add_manifests() = ref;
  for (format::PartitionSnapshot& p : *topic->mutable_partitions()) {
    const bool compacted = branches[p.partition()][p.branch()].compacted();
    OffsetRanges had = RangesOf(was.partitions[p.partition()]);
    // Of a rebuilt index only the claim is known: all but the gaps.
    if (rebuilt && !compacted) {
      had.Add(p.start_offset(), p.end_offset());
      for (const format::Gap& gap : p.gaps()) had.Remove(gap.start_offset(), gap.end_offset());
    }
    const OffsetRanges has = RangesOf(is.partitions[p.partition()]);
    bool lost = false;
    for (auto [start, end] : had.ranges()) {
      for (auto [from, to] :
           has.Missing(std::max(start, p.start_offset()), std::min(end, p.end_offset()))) {
        if (!request_.lost) return Status(Code::kInternal, "a rewrite would lose blocks");
        lost = true;
        AddGap(from, to, request_.reason, &p);
        out->lost.insert({topic->topic_id(), topic->topic(), p.partition(), p.branch(), from, to});
      }
    }
    if (!lost) continue;
    const UseTotals totals = SumUses(is.partitions[p.partition()]);
    p.set_records(totals.records);
    p.set_bytes(totals.bytes);
    p.set_max_timestamp(totals.max_timestamp);
  }
  return true;
}

Status Reindexer::Snapshot(const format::SnapshotRef& ref, bool write, ReindexResult* out,
                           const CallContext& context) {
  if (!request_.snapshots.contains(ref.object().sha256())) return Status::Ok();
  MB_ASSIGN_OR_RETURN(Bytes stored, GetContentObject(store_, "snapshot", ref.object(), context));
  MB_ASSIGN_OR_RETURN(SnapshotContents contents,
                      DecodeSnapshot(SnapshotObjectName(ref.object()), stored, KeysOf(store_)));
  bool changed = false;
  const size_t lost = out->lost.size();
  for (format::TopicSnapshot& topic : contents.topics) {
    MB_ASSIGN_OR_RETURN(bool one, SnapshotTopic(&topic, write, out, context));
    changed = changed || one;
  }
  if (!changed) return Status::Ok();
  ++out->snapshots;
  if (out->lost.size() != lost || request_.lost) FillStats(&contents);
  format::EditSnapshot* edit = out->proposal.actions.emplace_back().mutable_edit_snapshot();
  edit->set_id(ref.id());
  edit->set_reason(request_.reason);
  *edit->mutable_replaces() = ref.object();
  if (!write) return Status::Ok();
  for (const format::TopicSnapshot& topic : contents.topics) {
    for (const format::ObjectRef& manifest : topic.manifests()) {
      out->proposal.references.push_back(ManifestName(manifest));
    }
  }
  MB_ASSIGN_OR_RETURN(Bytes bytes, EncodeSnapshot(contents, KeysOf(store_)));
  MB_ASSIGN_OR_RETURN(*edit->mutable_object(),
                      PutContentObject(store_, "snapshot", bytes, context));
  return Status::Ok();
}

// Order of writes: packs (stored before), manifests, snapshot objects, one commit.
Result<ReindexResult> Reindexer::Plan(const State& state, bool write, const CallContext& context) {
  ReindexResult out;
  for (const auto& [key, topic] : state.topics) {
    MB_RETURN_IF_ERROR(Topic(state, *topic, write, &out, context));
  }
  if (write) CrashPoint("reindex.manifests");
  for (const format::SnapshotRef& ref : state.snapshots) {
    MB_RETURN_IF_ERROR(
        Snapshot(ref, write, &out, context).WithContext("snapshot '" + ref.name() + "'"));
  }
  if (write) CrashPoint("reindex.snapshots");
  if (out.proposal.actions.empty()) return out;
  for (const format::PackRef& pack : request_.moves.packs) {
    out.proposal.references.push_back(PackName(pack));
    store::ObjectInfo expected;
    expected.name = PackName(pack);
    expected.size = pack.length();
    out.proposal.must_exist.push_back(std::move(expected));
  }
  return out;
}

}  // namespace maxbrod::repo
