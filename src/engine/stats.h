// How much a repository holds, by topic, by kind of object and by storage class, and what that
// costs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/space.h"
#include "repo/repository.h"

namespace maxbrod::engine {

struct KindStats {
  std::string kind;  // "pack", "l0", "manifest", "snapshot", "log", "checkpoint", "config", ...
  uint64_t objects = 0, bytes = 0;
};

struct ClassStats {
  std::string storage_class;  // "STANDARD" where the store has no classes
  uint64_t objects = 0, bytes = 0;
  double dollars_per_month = 0;  // at list price; 0 where nothing is paid
};

struct StatsReport {
  std::vector<TopicSpace> topics;                        // the largest first
  uint64_t live_bytes = 0, dead_bytes = 0, records = 0;  // of packs' blocks
  uint64_t snapshots = 0, snapshot_bytes = 0;  // what the snapshots reach, summed over them
  std::vector<KindStats> kinds;
  std::vector<ClassStats> classes;  // of all objects
  uint64_t objects = 0, bytes = 0;
  uint64_t condemned_objects = 0;  // wait for prune
  bool priced = false;             // a bucket: classes have prices
  double dollars_per_month = 0;
  repo::Receipt head;
};

// Lists the whole store, and reads every manifest and snapshot; no packs. `priced`: the objects lie
// in S3. Dead blocks that no manifest names any more count as those of topic "".
Result<StatsReport> CollectStats(repo::Repository& repository, bool priced,
                                 const CallContext& context);

}  // namespace maxbrod::engine
