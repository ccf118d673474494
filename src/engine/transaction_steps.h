// The steps of a restore that need a transaction coordinator: opening and aborting the transactions
// that stand in for the source's aborted ones, and markers where brokers refuse WriteTxnMarkers.
//
// A coordinator aborts a transaction that idles past its timeout and writes a marker into every
// partition added. So a partition is added only when its next step is the transaction's first batch
// or its marker, and nothing is left open.
#pragma once

#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "kafka/cluster.h"
#include "kafka/transactions.h"

namespace maxbrod::engine {

// A partition whose log must grow by one marker, from `offset`.
struct MarkerSlot {
  TopicPartition partition;
  int64_t offset = 0;
  Status status;  // of this one
};

// Thread-safe.
class TransactionSteps {
 public:
  // `by_end_txn`: markers are made by transactions of `marker_producers`, of which each caller of
  // WriteMarkers uses one at a time; empty: WriteTxnMarkers does it.
  TransactionSteps(kafka::Cluster& cluster, kafka::Transactions& transactions, Clock& clock,
                   Millis timeout, std::vector<kafka::TransactionalProducer> marker_producers)
      : cluster_(cluster),
        transactions_(transactions),
        clock_(clock),
        timeout_(timeout),
        free_producers_(std::move(marker_producers)),
        by_end_txn_(!free_producers_.empty()) {}

  bool by_end_txn() const { return by_end_txn_; }

  // Adds the partition to the producer's transaction unless this run did so already.
  Status Open(const kafka::TransactionalProducer& producer, const TopicPartition& partition,
              const CallContext& context);
  // Aborts the producer's transaction, in which the slot's partition is, and waits until its marker
  // is in the log. Whatever an earlier run did: goes by the coordinator's state.
  Status Abort(const kafka::TransactionalProducer& producer, const MarkerSlot& slot,
               const CallContext& context);
  // One empty marker into each slot's partition; the slots' statuses tell. For by_end_txn().
  void WriteMarkers(std::vector<MarkerSlot>* slots, const CallContext& context);

 private:
  Result<kafka::TransactionalProducer> TakeProducer(const CallContext& context);
  void GiveBack(kafka::TransactionalProducer producer);
  Status EndAll(kafka::TransactionalProducer* producer, std::vector<MarkerSlot>* slots,
                const CallContext& context);
  Result<std::string> AwaitDecided(const kafka::TransactionalProducer& producer,
                                   const CallContext& context);
  Result<bool> MarkersThere(std::vector<MarkerSlot>* slots, const CallContext& context);
  // Until each log ends right behind its slot.
  Status AwaitMarkers(std::vector<MarkerSlot>* slots, const CallContext& context);

  kafka::Cluster& cluster_;
  kafka::Transactions& transactions_;
  Clock& clock_;
  const Millis timeout_;
  std::mutex mutex_;
  std::vector<kafka::TransactionalProducer> free_producers_;
  const bool by_end_txn_;
  std::set<std::string> open_;  // transactional ids with a partition this run has added
};

}  // namespace maxbrod::engine
