// Transactions in the name of transactional ids: open, fill (data_path.h), end. Old protocol
// versions throughout, so that the producer epoch stays the same from one transaction to the next
// (transaction version 2, KIP-890, raises it at each end) and markers carry the epoch of the data.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kafka/cluster.h"

namespace maxbrod::kafka {

struct TransactionalProducer {
  std::string id;  // transactional.id
  int64_t producer_id = -1;
  int16_t epoch = -1;
};

// As transaction.max.timeout.ms of brokers says by default.
inline constexpr Millis kTransactionTimeoutMax{15 * 60 * 1000};

// Thread-safe; calls for different ids do not wait for each other. The cluster must outlive it.
//
// Retries: coordinators that move, load or are busy with the id's last transaction
// (CONCURRENT_TRANSACTIONS) are asked again until the context's deadline or config.api_timeout.
// Other errors name API, id and error, e.g. PRODUCER_FENCED or INVALID_PRODUCER_EPOCH in
// Status::kafka_error() when the coordinator has aborted the transaction after its timeout.
class Transactions {
 public:
  explicit Transactions(Cluster& cluster);

  // A producer id and epoch (InitProducerId v4). Aborts what the id has open, which writes a marker
  // into each of its partitions, and returns when those are written. Whoever used the id before
  // is fenced. kInvalidArgument with error::kInvalidTransactionTimeout when `timeout` is above the
  // broker's maximum.
  Result<TransactionalProducer> Init(const std::string& transactional_id, Millis timeout,
                                     const CallContext& context);
  // Begins a transaction, or adds to it; waits for the end of the one before. Every partition
  // added gets a marker in the end, written to or not. Idempotent.
  Status AddPartitions(const TransactionalProducer& producer,
                       const std::vector<TopicPartition>& partitions, const CallContext& context);
  // Returns when the decision is made: before the markers are in the logs, unless a retry was
  // needed. Asking once more for the same result waits for them; with another result, or without a
  // partition added, it is error::kInvalidTxnState.
  Status End(const TransactionalProducer& producer, bool commit, const CallContext& context);

  struct State {
    // Kafka's names: Empty, Ongoing, PrepareCommit, PrepareAbort, CompleteCommit, CompleteAbort,
    // Dead, PrepareEpochFence. At "Complete..." the markers are in the logs.
    std::string state;
    Millis timeout{0};
    int64_t start_ms = -1;  // since the epoch; -1: none open
    int64_t producer_id = -1;
    int16_t epoch = -1;
    std::vector<TopicPartition> partitions;
  };
  // By id (KIP-664, brokers from 3.0 on); kNotFound for ids that the cluster does not know.
  Result<std::map<std::string, Result<State>>> Describe(const std::vector<std::string>& ids,
                                                        const CallContext& context);

 private:
  // One request to the id's coordinator, with retries. `error_of` finds the answer's error code and
  // says in *object what it concerns.
  template <typename Request, typename ErrorOf>
  Result<typename Request::Response> Call(const std::string& id, const Request& request,
                                          int16_t version_max, const ErrorOf& error_of,
                                          const CallContext& context);

  Cluster& cluster_;
  const ClientConfig busy_config_;  // the cluster's, with a backoff for what takes milliseconds
};

// transaction.max.timeout.ms as a broker tells it; kTransactionTimeoutMax when it does not tell us.
Result<Millis> TransactionTimeoutMax(Cluster& cluster, const CallContext& context);

}  // namespace maxbrod::kafka
