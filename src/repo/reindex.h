// Manifests and snapshot objects written anew after blocks went elsewhere, or were lost. One commit
// changes topics and snapshots together: before it, nobody sees the new objects; after it, nobody
// needs the old ones (docs/commit-protocol.md, "Rewriting").
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "repo/commit_log.h"
#include "repo/index_cache.h"

namespace maxbrod::repo {

struct BlockMoves {
  struct Target {
    uint32_t pack = 0;  // index into `packs`
    BlockPlace place;
  };
  std::vector<format::PackRef> packs;  // new ones, stored
  // Packs that nothing should name any more, by id: where each block went, by its old place.
  std::map<std::string, std::map<uint64_t, Target>> emptied;
};

// What a snapshot or a topic lost.
struct LostRange {
  std::string topic_id, topic;
  int32_t partition = 0;
  uint64_t branch = 0;
  int64_t start_offset = 0, end_offset = 0;  // exclusive
  auto operator<=>(const LostRange&) const = default;
};

struct ReindexRequest {
  BlockMoves moves;
  // Blocks of emptied packs that went nowhere. False: nobody known here needs them: the snapshots
  // in `snapshots` leave them out, everybody else keeps naming them. True: they are lost: everybody
  // leaves them out, snapshots note gaps, claims are released.
  bool lost = false;
  std::set<std::string> snapshots;  // hashes of the objects that may be replaced
  // Manifests that cannot be read, by hash: all blocks of the topic that packs hold.
  std::map<std::string, std::shared_ptr<const TopicManifest>> rebuilt;
  std::string reason;  // kept in the log, and in the gaps
};

struct ReindexResult {
  Proposal proposal;                   // empty: nothing names any of it
  uint64_t topics = 0, snapshots = 0;  // with new manifests
  std::set<LostRange> lost;            // in topics or snapshots
};

// Works for one request; called again with newer states it writes again only what is new to it.
// Not thread-safe; all references must outlive it.
class Reindexer {
 public:
  Reindexer(store::Store& store, IndexCache& cache, const ReindexRequest& request)
      : store_(store), cache_(cache), request_(request) {}
  // Stores manifests and snapshot objects for this state and makes the commit. `write` false: only
  // tells what would change (the proposal is then not to be committed).
  Result<ReindexResult> Plan(const State& state, bool write, const CallContext& context);

 private:
  struct Shard {
    std::shared_ptr<const TopicManifest> entries;  // as it is, or as rebuilt
    bool lost = false;
  };
  struct NewShards {
    bool changed = false;
    std::vector<format::ObjectRef> refs;
    std::vector<std::shared_ptr<const TopicManifest>> shards;
  };
  using Refs = google::protobuf::RepeatedPtrField<format::ObjectRef>;
  using Wanted = std::function<bool(const BlockEntry&)>;

  Result<NewShards> Transform(const std::vector<format::ObjectRef>& refs, bool drop,
                              const Wanted& wanted, bool write, const CallContext& context);
  Result<std::shared_ptr<const TopicManifest>> Moved(const TopicManifest& shard, bool drop,
                                                     bool* changed) const;
  Status Topic(const State& state, const TopicInfo& topic, bool write, ReindexResult* out,
               const CallContext& context);
  Status ReleaseUnindexed(const State& state, const TopicInfo& topic,
                          std::map<std::pair<int32_t, uint64_t>, OffsetRanges> have,
                          format::ReleaseClaims* release, ReindexResult* out,
                          const CallContext& context);
  Status Snapshot(const format::SnapshotRef& ref, bool write, ReindexResult* out,
                  const CallContext& context);
  Result<bool> SnapshotTopic(format::TopicSnapshot* topic, bool write, ReindexResult* out,
                             const CallContext& context);

  store::Store& store_;
  IndexCache& cache_;
  const ReindexRequest& request_;
  // What was written: old manifest (and whether blocks were left out) or a digest of the entries.
  std::map<std::string, std::vector<format::ObjectRef>> written_;
};

}  // namespace maxbrod::repo
