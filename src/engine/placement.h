// On which brokers a restored topic's replicas lie, and how many there are.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/restore_plan.h"

namespace maxbrod::engine {

// Fills in replication_factor and, unless the brokers choose, each partition's replicas. What
// cannot be is refused in the plan, what is changed without being asked is warned of.
// `target` is the cluster's metadata now.
void PlanPlacement(const format::TopicSnapshot& source, const PlacementRule& rule,
                   const aws::MskLimits* limits, const kafka::ClusterMetadata& target,
                   PlannedTopic* topic, RestorePlan* plan);

}  // namespace maxbrod::engine
