// What a state reaches: the objects that may not be removed.
#pragma once

#include <set>
#include <string>

#include "repo/index_cache.h"
#include "repo/state.h"

namespace maxbrod::repo {

// Adds the names of a snapshot's object, its manifests and the packs in them.
Status AddSnapshotObjects(store::Store& store, const format::SnapshotRef& ref, IndexCache& cache,
                          std::set<std::string>* objects, const CallContext& context);

// Names of all objects that the state reaches: loose packs, topics' manifests, snapshots, their
// manifests, the packs in all of these, and the offset maps of restores. Not: config, log,
// checkpoints.
Result<std::set<std::string>> ReachableObjects(store::Store& store, const State& state,
                                               IndexCache& cache, const CallContext& context);

}  // namespace maxbrod::repo
