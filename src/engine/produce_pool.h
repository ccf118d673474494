// Produces the logs of many partitions to their leaders, each acknowledged base offset compared
// with the plan.
//
// What the idempotent producer cannot promise for old data (docs/design.md, "Nothing twice, nothing
// missing") is kept by rule: after a lost connection, a moved leader or a doubtful error the
// partition is parked until its end offset stays still, goes on from there, and has one request in
// flight until the first acknowledgement.
//
// What has no record is written as transaction markers, by WriteTxnMarkers on the connection that
// the batches take (a broker serves one request of a connection at a time, so the order holds
// without waiting), or where that is refused by ending transactions, one at a time and partition.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/batch_feed.h"
#include "engine/pace.h"
#include "engine/progress.h"
#include "engine/transaction_steps.h"
#include "kafka/cluster.h"

namespace maxbrod::engine {

struct ProduceTask {
  std::string topic;
  TopicId topic_id;
  int32_t partition = 0;
  BatchFeed* feed = nullptr;  // produced up to its StopAt
  const AbortedIndex* aborted = nullptr;
  std::vector<kafka::TransactionalProducer> slots;  // by PlannedAbort::slot
  // Begin with one request in flight: a new leader that is not ready yet would refuse the first
  // batch and take the second.
  bool cautious = false;
  Status status;  // why it was given up
  TopicPartition tp() const { return {topic, partition}; }
};

struct ProduceOptions {
  size_t connections_per_broker = 2;
  size_t request_bytes = 1 << 20;  // a request is closed once it holds so much
  size_t in_flight = 5;
  size_t memory = 256 << 20;  // for blocks being read
  Millis quiet{1'500};        // an end offset that stays so long is settled
  Millis stall_limit{180'000};
  ProducerIdentity markers;                  // whose empty markers they are
  TransactionSteps* transactions = nullptr;  // set where there are steps that need it
  Pace* pace = nullptr;                      // of the job; none: nothing is held back
  Clock* clock = &Clock::System();
};

struct ProduceTotals {
  uint64_t requests = 0;
  uint64_t batches = 0;
  uint64_t partitions_in_requests = 0;
  uint64_t parked = 0;  // times a partition had to be settled
  uint64_t markers = 0;
  uint64_t transactions = 0;  // aborted for real
  double seconds = 0;         // from first to last request
  void Add(const ProduceTotals& other);
};

// Runs every task to its stop_at. A task's own trouble (offset mismatch, authorization, record
// refused) stands in its status; a non-OK result means all work stopped (cancelled, repository
// unreadable, no broker for stall_limit).
Result<ProduceTotals> ProduceAll(kafka::Cluster& cluster, std::vector<ProduceTask>& tasks,
                                 const ProduceOptions& options, Progress& progress,
                                 const CallContext& context);

}  // namespace maxbrod::engine
