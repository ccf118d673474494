// From which broker each range is read now, and whether from its disk or from remote storage.
//
// Near replicas (KIP-392), as Kafka's own Fetcher does it: the leader is asked with our rack, and
// may answer with a replica to read from instead of data. That holds for metadata.max.age.ms (5
// minutes), or until the replica fails: whatever it says that is not data, and when it lags (the
// cut is the leader's, the replica may not have it yet), the range goes back to the leader, which
// is then asked without a rack for half a minute, for it would only send us back.
//
// Remote storage (KIP-405): a broker answers a request with remote data of one partition, late, and
// by a small pool of threads shared by all consumers. Where the local log begins is asked with
// ListOffsets (-4); it moves on as local retention goes, so it is asked again now and then.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/fetch_lanes.h"
#include "engine/read_range.h"
#include "kafka/cluster.h"

namespace maxbrod::engine {

// A range's route may be used by whoever holds the range (one worker at a time).
class FetchRoutes {
 public:
  FetchRoutes(kafka::Cluster& cluster, const std::vector<ReadRange>& ranges, std::string rack,
              Clock& clock);

  // The follower it is to be read from, else its leader as metadata has it.
  Lane LaneOf(size_t range) const;
  bool IsFollower(size_t range, BrokerId broker) const {
    return routes_[range].follower == broker && broker.value() >= 0;
  }
  // The leader is to be asked again where to read.
  bool FollowerDue(size_t range) const;

  // The rack to name to the broker for this range; empty: none.
  const std::string& RackFor(size_t range) const;
  // A broker answered with a replica to read from (-1: none). True if the range goes there.
  bool OnPreferredReplica(size_t range, BrokerId from, int32_t replica);
  void BackToLeader(size_t range);

  // Asks where the local logs of tiered ranges among these begin. Best effort: what is not known
  // is taken for local.
  void AskLocalStarts(const std::vector<size_t>& ranges, const CallContext& context);
  // Whether that was asked too long ago.
  bool LocalStartDue(size_t range) const;
  bool IsRemote(size_t range) const {
    return ranges_[range].cursor.next_offset < routes_[range].local_start;
  }

  static constexpr int64_t kFollowerNanos = 300'000'000'000;
  static constexpr int64_t kLeaderOnlyNanos = 30'000'000'000;
  static constexpr int64_t kLocalStartNanos = 30'000'000'000;

 private:
  struct Route {
    BrokerId follower{-1};
    int64_t follower_until_nanos = 0;
    int64_t leader_only_until_nanos = 0;
    int64_t local_start = -1;  // -1: unknown
    int64_t asked_nanos = 0;   // for local_start; 0: never
  };

  kafka::Cluster& cluster_;
  const std::vector<ReadRange>& ranges_;
  const std::string rack_;
  Clock& clock_;
  std::vector<Route> routes_;
  std::atomic<bool> tiers_known_{true};  // the brokers know the question
};

}  // namespace maxbrod::engine
