// Checks the repository's structure: the chain of commits, checkpoints against the fold, that
// everything named is there and readable. Does not read packs (engine/verify does): their presence
// and length only.
#pragma once

#include <string>
#include <vector>

#include "repo/commit_log.h"
#include "repo/index_cache.h"

namespace maxbrod::repo {

struct CheckFinding {
  std::string object;  // name in the store
  std::string what;
};

struct CheckReport {
  uint64_t commits = 0;  // read and in the chain
  uint64_t checkpoints = 0;
  uint64_t manifests = 0;
  uint64_t snapshots = 0;
  uint64_t offset_maps = 0;
  uint64_t packs = 0;
  uint64_t error_count = 0;
  std::vector<CheckFinding> errors;  // the first kCheckErrorsMax
  // Nobody names them: left by runs that were killed, not yet by prune. No error.
  std::vector<store::ObjectInfo> unreferenced;
  uint64_t unreferenced_bytes = 0;
  uint64_t condemned = 0;  // waiting for prune
  // OK, or kCorrupt with the first error.
  Status Outcome() const;
};
inline constexpr size_t kCheckErrorsMax = 1000;

// Damage stands in the report. A non-OK result means that the check could not go on (store not
// reachable, no permission, cancelled). Safe beside writers and prune. Memory: the names of all
// objects.
Result<CheckReport> CheckRepository(CommitLog& log, IndexCache& cache, const CallContext& context);

}  // namespace maxbrod::repo
