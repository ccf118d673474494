// Where compaction's last hole in a partition is.
#pragma once

#include <optional>

#include "engine/restore_plan.h"
#include "repo/repository.h"

namespace maxbrod::engine {

// Offsets [from, to) without a record or a control batch.
struct Hole {
  int64_t from = 0;
  int64_t to = 0;
};

// None when there is no hole. Reads at most one block. A block in a pack that is cold is not read:
// its end is taken for the hole, and `guessed` set. Memory: that block, one batch decompressed.
Result<std::optional<Hole>> FindLastHole(repo::Repository& repository,
                                         const PlannedPartition& partition, const ColdPacks& cold,
                                         bool* guessed, const CallContext& context);

}  // namespace maxbrod::engine
