// Reads the cleaned part of a restored log back from one replica, against the snapshot.
#pragma once

#include <string>

#include "engine/restore_plan.h"
#include "kafka/cluster.h"
#include "repo/repository.h"

namespace maxbrod::engine {

struct HeadCheck {
  uint64_t records = 0;      // of the snapshot, found at their offsets
  uint64_t filler_left = 0;  // records that stand in holes: the cleaner has not been there
};

// Offsets [log_start, fill_below) as the replica on `broker` has them. Every record must be the
// snapshot's at its offset, and the latest one of each key must be there: kOffsetMismatch names the
// first that is not. Each replica cleans its own log, so each has to be asked; brokers serve
// consumers from followers since Fetch v11 (KIP-392). Memory: one response, one block, and a hash
// per key that misses a record.
Result<HeadCheck> CheckHead(kafka::Cluster& cluster, BrokerId broker, const std::string& topic,
                            TopicId topic_id, const PlannedPartition& partition,
                            store::Store& store, const CallContext& context);

}  // namespace maxbrod::engine
