// Decides, per partition, which branch of history new data belongs to and from where to read
// (docs/format.md, "Identity of data").
#pragma once

#include <vector>

#include "engine/capture.h"
#include "engine/fetch_pool.h"
#include "repo/state.h"

namespace maxbrod::engine {

// One partition's part in a backup.
struct PartitionPlan {
  std::string topic;
  TopicId topic_id;
  int32_t partition = 0;
  bool compacted = false;
  int64_t delete_retention_ms = -1;
  format::Branch branch;
  bool new_branch = false;
  int64_t start_offset = 0;              // where reading begins
  int64_t end_offset = 0;                // the cut; grows for compacted partitions
  int64_t log_start_offset = 0;          // the snapshot's first offset
  int64_t previous_read_started_ms = 0;  // of the branch's newest claim, 0: none
  int64_t read_started_ms = 0;
  uint64_t missing = 0;  // holes met in what this backup read of it
};

// kConflict when a log cannot be reconciled with the repository in a safe way.
Result<std::vector<PartitionPlan>> PlanPartitions(kafka::Cluster& cluster,
                                                  const CapturedCluster& captured,
                                                  const repo::State& state, int64_t now_ms,
                                                  Progress& progress, const CallContext& context);

// Turns the plan into a read of the whole log from its start, as a new base generation.
void BeginNewBase(const std::string& reason, int64_t now_ms, PartitionPlan* plan);

// True when tombstones may have been cleaned away between the branch's previous read and now, so
// that an incremental copy with holes cannot be trusted (a deleted key could come back).
bool TombstonesMayBeLost(const PartitionPlan& plan, int64_t read_ended_ms);

}  // namespace maxbrod::engine
