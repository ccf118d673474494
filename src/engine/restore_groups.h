// The last data of a restore: where consumers go on.
#pragma once

#include <vector>

#include "engine/restore_plan.h"
#include "kafka/cluster.h"

namespace maxbrod::engine {

// Commits the groups' offsets, to be kept for `retention`, and reads them back: kOffsetMismatch
// when a group stands elsewhere. False where the target keeps them for a time of its own.
Result<bool> CommitGroups(kafka::Cluster& target, const std::vector<PlannedGroup>& groups,
                          Millis retention, const CallContext& context);

}  // namespace maxbrod::engine
