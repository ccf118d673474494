// A topic restored into more partitions than it had: records are given out anew, by their keys.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/progress.h"
#include "engine/restore_plan.h"
#include "kafka/cluster.h"

namespace maxbrod::engine {

// Where a group goes on in the new partitions: at the first record there that it had not read. It
// reads some records again that it had read; it misses none.
struct RepartitionedGroup {
  std::string group;
  std::vector<kafka::CommittedOffset> offsets;  // of the target's topic
};

struct RepartitionReport {
  uint64_t records = 0;
  uint64_t requests = 0;
  std::vector<RepartitionedGroup> groups;
};

// Writes the records of `topic` (without those of aborted transactions) into its target, which has
// topic.repartition empty partitions. The partition of a record with a key is the Java producer's;
// records without one fill the partitions in turn. The source's partitions come one after another,
// so the records of a key keep their order. Every base offset that a broker tells is compared with
// what was written before: kOffsetMismatch when somebody else writes. Memory: a block, and
// `memory` for the batches being made.
Result<RepartitionReport> Repartition(store::Store& store, kafka::Cluster& target,
                                      const PlannedTopic& topic, TopicId target_id,
                                      const std::vector<format::GroupSnapshot>& groups,
                                      size_t memory, Progress& progress,
                                      const CallContext& context);

}  // namespace maxbrod::engine
