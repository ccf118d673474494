// A short measurement on the target, so that a plan's times are the target's own.
#pragma once

#include "engine/restore_plan.h"

namespace maxbrod::engine {

// Makes a topic named maxbrod-calibration-..., of one partition with as many replicas as the plan's
// topics have at most, writes filler, markers and the beginning of the largest partition without
// holes into it for about a second, and deletes it. What cannot be measured (no right to markers)
// keeps its guess; no partition with data in cold storage is taken. `abilities` as the plan found
// them.
Result<TargetRates> Calibrate(repo::Repository& repository, kafka::Cluster& target,
                              const RestorePlan& plan, const ColdPacks& cold, Clock& clock,
                              const CallContext& context);

}  // namespace maxbrod::engine
