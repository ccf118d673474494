// An actor of the simulator: merges small packs of a topic into a big one, as continuous backup
// will have to.
#include <algorithm>

#include "repo/pack_reader.h"
#include "repo/repository_testing.h"
#include "repo/simulator_process_testing.h"

namespace maxbrod::repo {
namespace {

// The topic's whole block index, with packs numbered over all shards.
Result<TopicManifest> ReadIndex(Repository& repository, const State& state, const TopicKey& key) {
  TopicManifest out;
  const TopicInfo* info = state.FindTopic(key);
  if (info == nullptr) return out;
  for (const format::ObjectRef& ref : info->manifests) {
    MB_ASSIGN_OR_RETURN(auto shard,
                        repository.index_cache().Manifest(repository.store(), ref, CallContext()));
    auto first = static_cast<uint32_t>(out.packs.size());
    out.packs.insert(out.packs.end(), shard->packs.begin(), shard->packs.end());
    for (BlockEntry entry : shard->entries) {
      entry.pack += first;
      out.entries.push_back(std::move(entry));
    }
  }
  return out;
}

using Place = std::pair<std::string, uint64_t>;  // pack id and offset in it

Place PlaceOf(const TopicManifest& index, const BlockEntry& entry) {
  return {index.packs[entry.pack].id(), entry.place.pack_offset};
}

// What became of the merged blocks.
struct Merged {
  format::PackRef pack;
  std::map<Place, BlockPlace> places;  // from where they were to where they are
};

Result<Merged> CopyBlocks(Repository& repository, const TopicManifest& index) {
  constexpr size_t kBlocksMax = 3;
  PackOptions options;
  options.verify_writes = false;
  MB_ASSIGN_OR_RETURN(auto writer, PackWriter::Create(repository.store(), options, CallContext()));
  std::map<std::tuple<int32_t, int64_t, uint32_t>, Place> by_range;
  for (const BlockEntry& entry : index.entries) {
    const format::PackRef& pack = index.packs[entry.pack];
    if (!pack.small() || by_range.size() == kBlocksMax) continue;
    auto range = std::tuple(entry.owner.partition, entry.stats.first_offset, entry.stats.batches);
    if (!by_range.emplace(range, PlaceOf(index, entry)).second) continue;
    Bytes batches;
    MB_RETURN_IF_ERROR(ReadBlock(repository.store(), pack, entry, &batches, CallContext()));
    ByteView piece = batches;
    MB_RETURN_IF_ERROR(writer->AddBlock(entry.owner, entry.stats, {&piece, 1}));
  }
  Merged merged;
  if (by_range.empty()) return merged;
  MB_ASSIGN_OR_RETURN(SealedPack sealed, writer->Seal(CallContext()));
  merged.pack = sealed.ref;
  for (BlockEntry& entry : sealed.blocks) {
    entry.place.DropChecks();
    auto range = std::tuple(entry.owner.partition, entry.stats.first_offset, entry.stats.batches);
    merged.places[by_range.at(range)] = entry.place;
  }
  return merged;
}

// The topic's index with the blocks at their new places; nothing if one is no longer there.
Result<Proposal> PlanMerge(SimWorld& world, Repository& repository, const std::string& topic,
                           const Merged& merged, const State& state) {
  TopicKey key = MakeTopicKey("", topic);
  MB_ASSIGN_OR_RETURN(TopicManifest index, ReadIndex(repository, state, key));
  auto number = static_cast<uint32_t>(index.packs.size());
  index.packs.push_back(merged.pack);
  size_t moved = 0;
  for (BlockEntry& entry : index.entries) {
    auto it = merged.places.find(PlaceOf(index, entry));
    if (it == merged.places.end()) continue;
    entry.place = it->second;
    entry.pack = number;
    ++moved;
  }
  Proposal proposal;
  if (moved != merged.places.size()) return proposal;
  MB_ASSIGN_OR_RETURN(auto refs, WriteManifests(repository.store(), key.id, topic, {}, index.packs,
                                                index.entries, CallContext()));
  format::SetManifests* set = proposal.actions.emplace_back().mutable_set_manifests();
  set->set_topic(topic);
  for (const format::ObjectRef& ref : refs) *set->add_manifests() = ref;
  if (world.options().merge_names_nothing) return proposal;
  proposal.references.push_back(PackName(merged.pack));
  store::ObjectInfo expected;
  expected.name = PackName(merged.pack);
  expected.size = merged.pack.length();
  proposal.must_exist.push_back(std::move(expected));
  return proposal;
}

}  // namespace

void RunMerger(SimWorld& world, SimWorld::Process& process) {
  std::unique_ptr<Repository> repository = world.OpenRepository(process);
  while (repository != nullptr) {
    world.Sleep(process,
                world.Chance(0.5) ? world.Random(0, 5000) : world.Random(3'600'000, 4 * kDayMs));
    const std::string topic = world.Chance(0.5) ? "orders" : "payments";
    auto state = repository->Refresh(CallContext());
    if (!state.ok()) {
      world.Allowed("refresh", state.status());
      continue;
    }
    auto index = ReadIndex(*repository, **state, MakeTopicKey("", topic));
    auto merged = index.ok() ? CopyBlocks(*repository, *index) : index.status();
    if (!merged.ok()) {
      world.Allowed("merge", merged.status());
      continue;
    }
    if (merged->places.empty()) continue;
    auto receipt = repository->log().Append(
        [&](const State& now, const CallContext&) {
          return PlanMerge(world, *repository, topic, *merged, now);
        },
        CallContext());
    if (receipt.ok()) {
      world.Acknowledge(*receipt);
    } else {
      world.Allowed("merge", receipt.status());
    }
  }
}

}  // namespace maxbrod::repo
