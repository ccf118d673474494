#include "engine/fetch_routes.h"

#include <utility>

#include "kafka/messages/list_offsets.h"
#include "os/log.h"

namespace maxbrod::engine {
namespace {

// Not knowing costs others their patience, not us our data: not worth waiting for a leader.
constexpr Millis kLocalStartLimit{10'000};

}  // namespace

FetchRoutes::FetchRoutes(kafka::Cluster& cluster, const std::vector<ReadRange>& ranges,
                         std::string rack, Clock& clock)
    : cluster_(cluster),
      ranges_(ranges),
      rack_(std::move(rack)),
      clock_(clock),
      routes_(ranges.size()) {}

Lane FetchRoutes::LaneOf(size_t range) const {
  const Route& route = routes_[range];
  Lane lane;
  lane.kind = IsRemote(range) ? LaneKind::kRemote : LaneKind::kLocal;
  bool near = route.follower.value() >= 0 && !FollowerDue(range);
  lane.broker = near ? route.follower : cluster_.LeaderOf(ranges_[range].tp());
  return lane;
}

bool FetchRoutes::FollowerDue(size_t range) const {
  const Route& route = routes_[range];
  return route.follower.value() >= 0 && clock_.MonotonicNanos() >= route.follower_until_nanos;
}

const std::string& FetchRoutes::RackFor(size_t range) const {
  static const std::string kNone;
  bool ask = clock_.MonotonicNanos() >= routes_[range].leader_only_until_nanos;
  return ask ? rack_ : kNone;
}

bool FetchRoutes::OnPreferredReplica(size_t range, BrokerId from, int32_t replica) {
  Route& route = routes_[range];
  const int64_t now = clock_.MonotonicNanos();
  route.follower = BrokerId(-1);
  if (replica < 0 || replica == from.value()) return false;
  // Without a listener for us it cannot be read from.
  if (!cluster_.metadata()->brokers.contains(BrokerId(replica))) {
    route.leader_only_until_nanos = now + kLeaderOnlyNanos;
    return false;
  }
  route.follower = BrokerId(replica);
  route.follower_until_nanos = now + kFollowerNanos;
  return true;
}

void FetchRoutes::BackToLeader(size_t range) {
  Route& route = routes_[range];
  if (route.follower.value() < 0) return;
  LogInfo("fetch: {} goes back from broker {} to its leader", ranges_[range].tp().ToString(),
          route.follower.value());
  route.follower = BrokerId(-1);
  route.leader_only_until_nanos = clock_.MonotonicNanos() + kLeaderOnlyNanos;
}

void FetchRoutes::AskLocalStarts(const std::vector<size_t>& ranges, const CallContext& context) {
  kafka::PerPartition<int64_t> ask;
  for (size_t range : ranges) {
    if (!ranges_[range].tiered || !tiers_known_) continue;
    ask[ranges_[range].tp()] = kafka::ListOffsetsTime::kEarliestLocal;
  }
  if (ask.empty()) return;
  auto listed = cluster_.ListOffsets(ask, kafka::Isolation::kReadUncommitted,
                                     context.Within(kLocalStartLimit));
  if (listed.status().code() == Code::kUnsupported) tiers_known_ = false;
  if (!listed.ok()) LogInfo("fetch: where local logs begin: {}", listed.status().ToString());
  const int64_t now = clock_.MonotonicNanos();
  for (size_t range : ranges) {
    routes_[range].asked_nanos = now;
    if (!listed.ok()) continue;
    auto found = listed->find(ranges_[range].tp());
    if (found != listed->end() && found->second.error == 0)
      routes_[range].local_start = found->second.offset;
  }
}

bool FetchRoutes::LocalStartDue(size_t range) const {
  if (!ranges_[range].tiered || !tiers_known_) return false;
  return clock_.MonotonicNanos() - routes_[range].asked_nanos > kLocalStartNanos;
}

}  // namespace maxbrod::engine
