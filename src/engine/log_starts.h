// Log starts of restored partitions: cut off below them, and safe on the brokers' disks.
#pragma once

#include <map>

#include "base/clock.h"
#include "engine/progress.h"
#include "engine/restore_plan.h"
#include "kafka/cluster.h"

namespace maxbrod::engine {

// Not thread-safe. What is given must outlive it.
class LogStarts {
 public:
  LogStarts(kafka::Cluster& target, Clock& clock, Progress& progress, const CallContext& context)
      : target_(target), clock_(clock), progress_(progress), context_(context) {}

  // Removes what lies below. DeleteRecords waits for the replicas, and after leaders have moved it
  // may wait for ever. What the leader has cut off is cut off; that its replicas followed is asked
  // again by Await.
  Status Cut(const kafka::PerPartition<int64_t>& before);
  // A broker killed before it wrote its log starts to disk would show the filler to consumers:
  // waits for `wait_ms` since the last Cut, or since now if there was none in this run. `seconds`
  // is how long that took.
  Status Await(int64_t wait_ms, double* seconds);

 private:
  kafka::Cluster& target_;
  Clock& clock_;
  Progress& progress_;
  const CallContext& context_;
  int64_t cut_nanos_ = 0;
  kafka::PerPartition<int64_t> unconfirmed_;  // cut off by the leader, perhaps not by its replicas
};

// Whether every partition's log begins and ends where the plan says: kOffsetMismatch names the
// first that does not.
Status CheckLogs(kafka::Cluster& target, const RestorePlan& plan, const CallContext& context);

}  // namespace maxbrod::engine
