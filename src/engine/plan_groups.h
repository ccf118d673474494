// The groups of a restore: which of their offsets, and what becomes of groups that are there.
#pragma once

#include <string>

#include "engine/restore_plan.h"

namespace maxbrod::engine {

// Fills plan->groups and plan->skipped_groups. Without `topics` and `data` among the parts the
// offsets are checked against the logs that the target has.
Status PlanGroups(kafka::Cluster& target, const kafka::ClusterMetadata& metadata,
                  const RestoreSelection& selection, RestorePlan* plan, const CallContext& context);

// Whether the user's choice of groups takes this one.
bool WantsGroup(const RestoreSelection& selection, const std::string& group);

}  // namespace maxbrod::engine
