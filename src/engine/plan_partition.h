// What the block index tells about one partition of a snapshot, for a restore plan. Nothing is read
// from packs.
#pragma once

#include <string>

#include "engine/restore_plan.h"

namespace maxbrod::engine {

// Sums the partition's blocks up, and adds what concerns the topic to it. `partition` has log
// start, end and blocks. What no restore can do comes back as text, empty when all is well.
std::string SummarizePartition(PlannedTopic* topic, PlannedPartition* partition);

}  // namespace maxbrod::engine
