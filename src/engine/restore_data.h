// Puts the data of a restore's topics where it belongs: creates them, pads below their log starts,
// produces, has heads cleaned, and begins anew what did not fit.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "engine/log_starts.h"
#include "engine/pace.h"
#include "engine/restore.h"
#include "engine/restore_journal.h"
#include "engine/restore_topics.h"
#include "repo/repository.h"

namespace maxbrod::engine {

// What the steps of one restore share; all of it outlives them.
struct RestoreShared {
  repo::Repository& repository;
  kafka::Cluster& target;
  const RestoreOptions& options;
  Progress& progress;
  RestoreJournal& journal;
  TopicSetup& topics;
  LogStarts& log_starts;
  Pace& pace;
  RestoreReport& report;  // its plan says what is to be done; figures are added
  const CallContext& context;
};

// Not thread-safe.
class RestoreData {
 public:
  explicit RestoreData(const RestoreShared& shared);
  ~RestoreData();

  // Makes producers ready and ends what an earlier run's left open. First.
  Status Prepare();
  // These topics, by their names on the target, to the end: creates them, or goes on where their
  // logs end.
  Status RestoreTopics(std::set<std::string> todo);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace maxbrod::engine
