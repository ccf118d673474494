// What a plan asks of a cluster of Amazon MSK beyond topic configs: its quotas.
#pragma once

#include "aws/msk_cluster.h"
#include "engine/restore_plan.h"
#include "engine/target_configs.h"

namespace maxbrod::engine {

// Refuses topics with batches that the cluster takes from nobody, and warns of more partitions than
// it has by default (AWS raises that quota on request). `metadata` is the target's.
void CheckMskLimits(const aws::MskLimits& limits, const kafka::ClusterMetadata& metadata,
                    const TopicDefaults& defaults, RestorePlan* plan);

}  // namespace maxbrod::engine
