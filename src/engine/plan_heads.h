// Which holes of compacted logs a restore fills and has cleaned, and which become markers.
#pragma once

#include "engine/restore_plan.h"
#include "engine/target_configs.h"

namespace maxbrod::engine {

// Sets fill_below of partitions, filled and markers of their topics, by `means` and by cost; what
// an earlier run of the same restore chose for a topic that it made stays. Asks the brokers whether
// their cleaners run and how often they look (log.cleaner.enable, log.cleaner.backoff.ms): where
// one is off, holes become markers, or the plan is refused when the cleaner was asked for. Reads at
// most one block per partition, and none that is cold (the plan then names it as unknown).
Status PlanHeads(repo::Repository& repository, kafka::Cluster& target, HoleMeans means,
                 const TopicDefaults& defaults, const EarlierRestore* earlier, int64_t now_ms,
                 const ColdPacks& cold, RestorePlan* plan, const CallContext& context);

// From now on the topic's holes become markers.
void UseMarkersOnly(PlannedTopic* topic);

}  // namespace maxbrod::engine
