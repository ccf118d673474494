// The record of a restore in the repository: what an interrupted run may go on with.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "engine/restore_plan.h"
#include "kafka/transactions.h"
#include "repo/repository.h"

namespace maxbrod::engine {

class RestoreJournal {
 public:
  RestoreJournal(repo::Repository& repository, Clock& clock)
      : repository_(repository), clock_(clock) {}

  // Looks for an earlier run of the same restore (snapshot, target cluster, what is selected).
  Status Find(const format::SnapshotRef& snapshot, const std::string& target_cluster_id,
              const std::string& options_text, const CallContext& context);
  // Forgets the earlier run: its topics are gone.
  void StartAnew();
  bool found() const { return found_; }
  bool done() const { return found_ && record_.state() == format::RestoreRecord::DONE; }
  // Topics of an earlier run that may hold data.
  Result<EarlierRestore> Earlier(const CallContext& context) const;
  std::string id_hex() const;

  // Each is one commit.
  Status Begin(const RestorePlan& plan, const CallContext& context);
  // Ids by target name. No commit when nothing changed.
  Status Created(const std::map<std::string, TopicId>& ids, const CallContext& context);
  Status Done(const CallContext& context);

  // Transactional producers, by id; SetProducer takes effect with the next Save, which makes no
  // commit when nothing changed.
  const auto& producers() const { return record_.producers(); }
  const format::RestoreRecord::TransactionalProducer* FindProducer(const std::string& id) const;
  void SetProducer(const kafka::TransactionalProducer& producer, bool markers);
  void SetOffsetMaps(const std::vector<format::ObjectRef>& maps);
  // The topic's holes were to be filled and cleaned, and from now on become markers.
  void SetUnfilled(const std::string& target);
  bool Unfilled(const std::string& target) const { return unfilled_.count(target) > 0; }
  Status Save(const CallContext& context);

  // Whether the topic was there before the restore.
  bool Adopted(const std::string& target) const;

 private:
  Status Commit(const CallContext& context);

  repo::Repository& repository_;
  Clock& clock_;
  bool found_ = false;
  bool changed_ = false;
  std::map<std::string, int> producer_index_;
  std::set<std::string> unfilled_;  // in this run
  format::RestoreRecord record_;
};

}  // namespace maxbrod::engine
