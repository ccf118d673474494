// The transactional producers of a restore: in the repository's record before they are used, so
// that whoever goes on after a kill can go on in their transactions.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/restore_journal.h"
#include "kafka/transactions.h"

namespace maxbrod::engine {

// Not thread-safe. What is given must outlive it.
class RestoreProducers {
 public:
  RestoreProducers(kafka::Transactions& transactions, RestoreJournal& journal, Millis timeout,
                   const CallContext& context)
      : transactions_(transactions), journal_(journal), timeout_(timeout), context_(context) {}

  // First of all: whatever an earlier run's writers of markers left open is aborted. Each stood at
  // a slot for a marker, so that the abort's marker is the one wanted.
  Status SettleMarkers(size_t marker_producers);
  // Those the topics' aborted transactions need; known ones stay as they are, since beginning anew
  // would abort what they have open.
  Status Ensure(const RestorePlan& plan, const std::set<std::string>& topics);
  // Before these topics are deleted: what they have open is aborted, else its marker would land in
  // the topic made after them.
  Status Renew(const RestorePlan& plan, const std::set<std::string>& topics);

  // By slot.
  std::vector<kafka::TransactionalProducer> SlotsOf(const PlannedTopic& topic,
                                                    const PlannedPartition& partition) const;
  const std::vector<kafka::TransactionalProducer>& markers() const { return markers_; }

 private:
  // An operator who lists transactions sees what they are.
  std::string Prefix() const { return "maxbrod-restore-" + journal_.id_hex().substr(0, 8) + "-"; }
  std::string SlotId(const PlannedTopic& topic, int32_t partition, uint32_t slot) const;
  Status Make(const RestorePlan& plan, const std::set<std::string>& topics, bool renew);

  kafka::Transactions& transactions_;
  RestoreJournal& journal_;
  const Millis timeout_;
  const CallContext& context_;
  std::vector<kafka::TransactionalProducer> markers_;
};

}  // namespace maxbrod::engine
