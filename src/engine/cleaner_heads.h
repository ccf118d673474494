// Wide holes by way of the brokers' own cleaner: what stands in for them has no key, so that it is
// dropped once the topic is compacted. For the part of a log below its last hole, the head; what
// lies above is produced afterwards, when the topic is no longer compacted.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/restore_topics.h"
#include "repo/repository.h"

namespace maxbrod::engine {

// A partition whose head is produced, and closed by a marker that opened a new segment.
struct CleanerHead {
  const PlannedTopic* topic = nullptr;
  const PlannedPartition* partition = nullptr;
  bool by_earlier_run = false;  // and perhaps cleaned in its time
  TopicPartition tp() const { return {topic->target, partition->partition}; }
};

// One that the cleaner left as it is; `why` names the broker.
struct LateHead {
  CleanerHead head;
  Status why;
};

// Not thread-safe. What is given must outlive it.
class CleanerHeads {
 public:
  CleanerHeads(repo::Repository& repository, kafka::Cluster& target, TopicSetup& topics,
               Clock& clock, Progress& progress, Millis stall_limit, const CallContext& context)
      : repository_(repository),
        target_(target),
        topics_(topics),
        clock_(clock),
        progress_(progress),
        stall_limit_(stall_limit),
        context_(context) {}

  // Before the markers that close the heads: so that each opens a new segment, since the cleaner
  // never touches the last one.
  Status RollAtNextAppend(const std::vector<CleanerHead>& heads);
  // Turns compaction on, waits until every replica of every head is cleaned and read back, and
  // turns it off again. Returns the heads to which a cleaner has not come although none moved on
  // for stall_limit. kOffsetMismatch when a replica lost something it must have; kTimeout when the
  // broker of such a replica is offline.
  Result<std::vector<LateHead>> Clean(const std::vector<CleanerHead>& heads);

 private:
  using LogSizes = std::map<std::pair<BrokerId, TopicPartition>, int64_t>;
  struct Look {
    bool cleaned = false;
    Status trouble;
  };

  ConfigChanges Changes(const std::vector<CleanerHead>& heads, bool cleaning) const;
  Result<std::vector<LateHead>> AwaitCleaned(const std::vector<CleanerHead>& heads,
                                             const LogSizes& sizes_before);
  Result<LogSizes> Sizes();
  Look LookAt(const CleanerHead& head, BrokerId broker);
  std::vector<Look> LookAtAll(const std::vector<std::pair<CleanerHead, BrokerId>>& replicas);

  repo::Repository& repository_;
  kafka::Cluster& target_;
  TopicSetup& topics_;
  Clock& clock_;
  Progress& progress_;
  const Millis stall_limit_;
  const CallContext& context_;
};

}  // namespace maxbrod::engine
