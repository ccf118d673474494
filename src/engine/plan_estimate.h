// What a restore will take, by the target's rates: time and disk, per topic and together.
#pragma once

#include "engine/restore_plan.h"

namespace maxbrod::engine {

// Seconds for everything in the topic that is not the source's own data: filler, markers, aborted
// transactions, the cleaner.
double PaddingSeconds(const PlannedTopic& topic, const RestorePlan& plan);

// Seconds until the brokers' cleaners have been over a head of so many bytes: at worst they have
// just looked.
double CleanerSeconds(uint64_t bytes, const RestorePlan& plan);

// Seconds for holes that become markers, between records of which there are so many.
double HoleSeconds(uint64_t holes, uint64_t records, const RestorePlan& plan);

// Fills the estimates of the plan and its topics, and checkpoint_wait_ms where log starts are
// padded (asks the brokers for log.flush.start.offset.checkpoint.interval.ms).
Status EstimatePlan(kafka::Cluster& target, RestorePlan* plan, const CallContext& context);

}  // namespace maxbrod::engine
