// What a log holds, once nothing of an earlier or doubtful request can be queued any more.
#pragma once

#include <map>
#include <vector>

#include "base/clock.h"
#include "kafka/cluster.h"

namespace maxbrod::engine {

// Waits until each partition's log end and high watermark agree and stay still for `quiet`; returns
// the ends.
Result<std::map<TopicPartition, int64_t>> WaitSettled(kafka::Cluster& cluster,
                                                      const std::vector<TopicPartition>& partitions,
                                                      Millis quiet, Clock& clock,
                                                      const CallContext& context);

}  // namespace maxbrod::engine
