// The topics of a restore on the target: created with working configs, waited for, given their real
// configs at the end.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/progress.h"
#include "engine/restore_plan.h"
#include "kafka/cluster.h"

namespace maxbrod::engine {

using ConfigChanges = std::map<std::string, std::vector<kafka::ConfigChange>>;

// Waits in growing steps, short ones at first: most waits are for a few milliseconds of a broker's
// time. Not thread-safe.
class Poll {
 public:
  Poll(Clock& clock, const CallContext& context) : clock_(clock), context_(context) {}
  // kCancelled when stopped.
  Status Wait();

 private:
  Clock& clock_;
  const CallContext& context_;
  Millis next_{5};
};

// Not thread-safe. What is given must outlive it.
class TopicSetup {
 public:
  TopicSetup(kafka::Cluster& target, Clock& clock, Progress& progress, const CallContext& context)
      : target_(target), clock_(clock), progress_(progress), context_(context) {}

  // Creates those of `todo` that are not there, and waits until each partition has a leader that
  // this client sees. Their ids are then in ids().
  Status Create(const RestorePlan& plan, const std::set<std::string>& todo);
  const std::map<std::string, TopicId>& ids() const { return ids_; }

  // What the topics work with while they are filled.
  Status PutWorkingConfigs(const std::vector<const PlannedTopic*>& topics);
  // No more rolling by time.
  Status StopRolling(const std::vector<const PlannedTopic*>& topics);
  // In force at the end; unknown names are left out, added to the plan's list and warned of.
  Status PutRealConfigs(RestorePlan* plan);
  // Of topics that are there and stay: exactly the plan's, others are taken off.
  Status PutConfigsOnly(const RestorePlan& plan);
  // Sets, and waits until every broker shows them: a leader that has not heard yet would refuse old
  // timestamps or big batches.
  Status Alter(const ConfigChanges& changes);
  // Deletes, and waits until they are gone.
  Status Delete(const std::set<std::string>& topics);

  const std::set<std::string>& known_configs() const { return known_configs_; }
  static bool NeedsRoll(const PlannedTopic& topic) { return topic.filler > 0; }

 private:
  Status CreateSome(std::vector<kafka::NewTopic> topics);
  Status Await(const RestorePlan& plan, const std::set<std::string>& todo);
  Status AwaitShown(const ConfigChanges& changes);
  Status LearnConfigs(const std::string& topic);

  kafka::Cluster& target_;
  Clock& clock_;
  Progress& progress_;
  const CallContext& context_;
  std::map<std::string, TopicId> ids_;
  std::set<std::string> known_configs_;
};

}  // namespace maxbrod::engine
