// What stands on the target already, and what becomes of it: by policy, never by surprise.
#pragma once

#include <map>

#include "engine/restore_plan.h"

namespace maxbrod::engine {

// Looks at the target's topics of the planned names and decides each one's action. Topics that are
// left alone move to plan->skipped, those of which only the configs change to plan->configs_only.
// `append_at` gets the log ends of topics that are appended to.
Status PlanExistingTopics(kafka::Cluster& target, const kafka::ClusterMetadata& metadata,
                          const RestoreSelection& selection, const EarlierRestore* earlier,
                          RestorePlan* plan, std::map<TopicPartition, int64_t>* append_at,
                          const CallContext& context);

}  // namespace maxbrod::engine
