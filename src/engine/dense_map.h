// Where the records of a partition go when they are restored one after another.
#pragma once

#include <memory>

#include "engine/restore_plan.h"
#include "repo/repository.h"

namespace maxbrod::engine {

// From `target_start` on: records only, without those of aborted transactions. Follows from the
// snapshot alone, so that every run makes the same map. Blocks whose index says that they are
// without holes and transactions are not read; of the others only batches with holes are decoded.
// Memory: the map and one block. A block in a pack that is cold is not read: the map then has about
// as many records as the index counts, `guessed` is set, and it is good for estimates only.
Result<std::shared_ptr<const repo::OffsetMap>> BuildOffsetMap(repo::Repository& repository,
                                                              const PlannedPartition& partition,
                                                              int64_t target_start,
                                                              const ColdPacks& cold, bool* guessed,
                                                              const CallContext& context);

}  // namespace maxbrod::engine
