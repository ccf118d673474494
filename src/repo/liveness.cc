#include "repo/liveness.h"

#include "repo/block_resolve.h"
#include "repo/commit_codec.h"
#include "repo/content_object.h"
#include "repo/object.h"
#include "repo/snapshot_codec.h"
#include "repo/vault.h"

namespace maxbrod::repo {
namespace {

class Walker {
 public:
  Walker(store::Store& store, const State& state, IndexCache& cache, const CallContext& context)
      : store_(store), state_(state), cache_(cache), context_(context) {}

  Result<Liveness> Run() {
    for (const format::LoosePack& loose : state_.loose_packs) {
      MB_ASSIGN_OR_RETURN(auto entries, cache_.PackEntries(store_, loose.pack(), context_));
      for (const BlockEntry& entry : *entries) {
        Mark(loose.pack(), entry, NumberOf(entry.owner.topic_id, entry.owner.topic), true);
      }
      out_.packs[loose.pack().id()].loose = true;
    }
    for (const auto& [key, topic] : state_.topics) {
      const uint32_t number = NumberOf(topic->id, topic->name);
      for (const format::ObjectRef& ref : topic->manifests) {
        MB_RETURN_IF_ERROR(Name(ref, number, true).status());
      }
    }
    for (const format::SnapshotRef& ref : state_.snapshots) {
      MB_RETURN_IF_ERROR(Snapshot(ref).WithContext("snapshot '" + ref.name() + "'"));
    }
    return std::move(out_);
  }

 private:
  using Shard = std::shared_ptr<const TopicManifest>;

  uint32_t NumberOf(const TopicId& id, const std::string& name) {
    auto [it, fresh] = numbers_.try_emplace(TopicKey{id, id.id.IsZero() ? name : std::string()},
                                            static_cast<uint32_t>(out_.topics.size()));
    if (fresh) out_.topics.push_back(name);
    return it->second;
  }
  void Mark(const format::PackRef& ref, const BlockEntry& entry, uint32_t topic, bool live) {
    PackLife& pack = out_.packs[ref.id()];
    if (pack.ref.id().empty()) pack.ref = ref;
    auto [it, fresh] = pack.blocks.try_emplace(entry.place.pack_offset);
    if (fresh) it->second = {entry.place.stored_bytes, entry.stats.records, topic, false};
    it->second.live = it->second.live || live;
  }
  Result<Shard> Name(const format::ObjectRef& ref, uint32_t topic, bool live) {
    MB_RETURN_IF_ERROR(context_.Check());
    MB_ASSIGN_OR_RETURN(Shard shard, cache_.Manifest(store_, ref, context_));
    int& seen = seen_[ref.sha256()];  // 1: named, 2: as live
    if (seen >= (live ? 2 : 1)) return shard;
    seen = live ? 2 : 1;
    for (const BlockEntry& entry : shard->entries) {
      if (entry.pack < shard->packs.size()) Mark(shard->packs[entry.pack], entry, topic, live);
    }
    return shard;
  }
  Status Snapshot(const format::SnapshotRef& ref) {
    MB_ASSIGN_OR_RETURN(Bytes stored, GetContentObject(store_, "snapshot", ref.object(), context_));
    MB_ASSIGN_OR_RETURN(SnapshotContents contents,
                        DecodeSnapshot(SnapshotObjectName(ref.object()), stored, KeysOf(store_)));
    for (const format::TopicSnapshot& topic : contents.topics) {
      const uint32_t number = NumberOf(TopicId{UuidFromString(topic.topic_id())}, topic.topic());
      std::vector<Shard> shards;
      for (const format::ObjectRef& manifest : topic.manifests()) {
        MB_ASSIGN_OR_RETURN(Shard shard, Name(manifest, number, false));
        shards.push_back(std::move(shard));
      }
      MB_ASSIGN_OR_RETURN(TopicBlocks blocks, ResolveBlocks(topic, shards));
      for (const auto& [partition, uses] : blocks.partitions) {
        for (const BlockUse& use : uses) Mark(use.pack, use.entry, number, true);
      }
    }
    return Status::Ok();
  }

  store::Store& store_;
  const State& state_;
  IndexCache& cache_;
  const CallContext& context_;
  Liveness out_;
  std::map<TopicKey, uint32_t> numbers_;
  std::map<std::string, int> seen_;
};

}  // namespace

uint64_t PackLife::live_bytes() const {
  uint64_t sum = 0;
  for (const auto& [offset, block] : blocks) sum += block.live ? block.stored_bytes : 0;
  return sum;
}

uint64_t PackLife::data_bytes() const {
  return ref.index_offset() > kObjectHeaderBytes ? ref.index_offset() - kObjectHeaderBytes : 0;
}

uint64_t PackLife::dead_bytes() const {
  const uint64_t live = live_bytes();
  return data_bytes() > live ? data_bytes() - live : 0;
}

Result<Liveness> ComputeLiveness(store::Store& store, const State& state, IndexCache& cache,
                                 const CallContext& context) {
  return Walker(store, state, cache, context).Run();
}

}  // namespace maxbrod::repo
