// Reads a repository back: chain of commits, checkpoints, manifests, snapshots (repo/check.h), and
// every byte of the packs: frames, each batch's CRC32C, and the index's statistics recomputed from
// the batches.
#pragma once

#include <string>
#include <vector>

#include "base/limits.h"
#include "engine/progress.h"
#include "engine/thaw_gate.h"
#include "engine/verify.h"
#include "repo/repository.h"

namespace maxbrod::engine {

struct VerifyOptions {
  const format::SnapshotRef* snapshot =
      nullptr;      // only what it needs; null: everything that commits name
  Sampler sampler;  // of the packs' blocks; indexes and the rest are always read
  size_t threads = 2;
  ColdPolicy cold;
  Clock* clock = &Clock::System();
};

struct VerifyReport {
  uint64_t objects = 0;  // read, of all kinds
  uint64_t commits = 0, checkpoints = 0, manifests = 0, snapshots = 0, packs = 0;
  uint64_t blocks = 0;  // read back and sound
  uint64_t bytes = 0;   // of batches read back
  uint64_t batches = 0;
  uint64_t records = 0;
  uint64_t problem_count = 0;
  std::vector<Problem> problems;  // the first kListedMax
  // Objects that no commit names: left by runs that were killed. No problem.
  uint64_t unreferenced_objects = 0;
  uint64_t unreferenced_bytes = 0;
  // Packs in cold storage that were left out by choice.
  uint64_t cold_packs = 0, cold_bytes = 0;
  Sampler sampler;
  double seconds = 0;
  // OK or kCorrupt.
  Status Outcome() const;
};

// Damage stands in the report. A non-OK result means that verification itself could not go on
// (store not reachable, no permission, cancelled). Memory: threads x (a block and 16 MiB), and 16
// bytes per block of the repository. kUnavailable before any pack is read when some are in cold
// storage, and kIncomplete while they are thawed, unless options.cold says otherwise.
Result<VerifyReport> VerifyRepository(repo::Repository& repository, const VerifyOptions& options,
                                      Progress& progress, const CallContext& context);

}  // namespace maxbrod::engine
