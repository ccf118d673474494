// Which blocks of which packs anybody still needs.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "repo/index_cache.h"
#include "repo/state.h"

namespace maxbrod::repo {

struct BlockLife {
  uint64_t stored_bytes = 0;
  uint64_t records = 0;
  uint32_t topic = 0;  // index into Liveness::topics
  bool live = false;   // a snapshot reads it, or the next one may: it is in its topic's manifests
};

struct PackLife {
  format::PackRef ref;
  bool loose = false;                    // no manifest holds it yet: all of it is live
  std::map<uint64_t, BlockLife> blocks;  // by place in the pack; those that manifests name
  uint64_t live_bytes() const;
  // All blocks, named or not: between the object's header and the index.
  uint64_t data_bytes() const;
  uint64_t dead_bytes() const;
};

struct Liveness {
  std::vector<std::string> topics;        // names; two topics may have the same
  std::map<std::string, PackLife> packs;  // by id; those that the state reaches
};

// Reads every reachable manifest and snapshot. Memory: about 100 bytes for each block.
Result<Liveness> ComputeLiveness(store::Store& store, const State& state, IndexCache& cache,
                                 const CallContext& context);

}  // namespace maxbrod::repo
