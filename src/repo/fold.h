// Folding: moves the blocks of loose packs into their topics' manifests.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "repo/index_cache.h"
#include "repo/state.h"

namespace maxbrod::repo {

struct FoldResult {
  // One SetManifests for each topic that changed, then FoldPacks; empty when nothing is loose.
  std::vector<format::CommitRecord> actions;
  // The manifests of the topics that changed.
  std::map<TopicKey, std::vector<format::ObjectRef>> manifests;
};

// Stores new manifests for all topics that loose packs of `state` hold blocks of. Full shards are
// kept, so the work is that of what is new. A block whose offsets lie wholly in blocks of earlier
// commits is left out as far as these are in the shard at hand; readers trim the others.
Result<FoldResult> FoldLoosePacks(store::Store& store, const State& state, IndexCache& cache,
                                  const CallContext& context);

}  // namespace maxbrod::repo
