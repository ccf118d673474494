// OffsetFetch and OffsetCommit.
#include "kafka/cluster_coordinator.h"
#include "kafka/messages/offset_commit.h"
#include "kafka/messages/offset_fetch.h"

namespace maxbrod::kafka {
namespace {

constexpr int16_t kFetchManyGroupsSince = 8;        // KIP-709
constexpr int16_t kFetchAllTopicsSince = 2;         // null topics
constexpr VersionRange kCommitWithRetention{2, 4};  // later versions have no retention time
constexpr size_t kGroupsPerRequestMax = 50;
// The coordinator writes a request's offsets as one batch, which must stay below max.message.bytes
// of
// __consumer_offsets (1 MiB by default).
constexpr size_t kCommitBytesMax = 256 * 1024;
constexpr size_t kCommitEntryBytes = 64;  // beside group, topic and metadata
constexpr int16_t kIllegalGeneration = 22;
constexpr int16_t kUnknownMemberId = 25;
constexpr int16_t kRebalanceInProgress = 27;
constexpr int16_t kFencedMemberEpoch = 110;
constexpr int16_t kStaleMemberEpoch = 113;

using Offsets = std::vector<CommittedOffset>;

template <typename Partition>
void Add(const std::string& topic, const Partition& p, Offsets* out) {
  if (p.error_code == 0 && p.committed_offset < 0) return;  // nothing committed
  out->push_back({topic, p.partition_index, p.committed_offset, p.committed_leader_epoch,
                  p.metadata.value_or(""), p.error_code});
}

Status GroupError(int16_t code, const ApiInfo& api, const std::string& group, BrokerId broker) {
  return CallError(code, api, "group " + group, {"Group", group}, broker);
}

// One by one, for brokers before 3.0.
Result<StatusByName> FetchEach(Cluster::Impl* cluster, BrokerId broker, const Names& groups,
                               const CallContext& context, std::map<std::string, Offsets>* out) {
  StatusByName statuses;
  VersionRange ours{kFetchAllTopicsSince, kFetchManyGroupsSince - 1};
  for (const std::string& group : groups) {
    OffsetFetchRequest request;
    request.group_id = group;
    request.topics.reset();
    MB_ASSIGN_OR_RETURN(auto response, cluster->CallOn(broker, request, context, ours));
    statuses[group] = GroupError(response.error_code, OffsetFetchRequest::kApi, group, broker);
    Offsets& offsets = (*out)[group];
    offsets.clear();
    for (const auto& topic : response.topics) {
      for (const auto& p : topic.partitions) Add(topic.name, p, &offsets);
    }
  }
  return statuses;
}

Result<StatusByName> FetchMany(Cluster::Impl* cluster, BrokerId broker, const Names& groups,
                               const CallContext& context, std::map<std::string, Offsets>* out) {
  OffsetFetchRequest request;
  for (const std::string& group : groups) {
    auto& one = request.groups.emplace_back();
    one.group_id = group;
    one.topics.reset();
  }
  VersionRange ours{kFetchManyGroupsSince, OffsetFetchRequest::kApi.version_max};
  auto response = cluster->CallOn(broker, request, context, ours);
  if (response.status().code() == Code::kUnsupported)
    return FetchEach(cluster, broker, groups, context, out);
  if (!response.ok()) return response.status();
  StatusByName statuses;
  for (const auto& group : response->groups) {
    statuses[group.group_id] =
        GroupError(group.error_code, OffsetFetchRequest::kApi, group.group_id, broker);
    Offsets& offsets = (*out)[group.group_id];
    offsets.clear();
    for (const auto& topic : group.topics) {
      for (const auto& p : topic.partitions) Add(topic.name, p, &offsets);
    }
  }
  return statuses;
}

OffsetCommitRequest CommitRequest(const std::string& group,
                                  std::span<const CommittedOffset> offsets, Millis retention) {
  OffsetCommitRequest request;
  request.group_id = group;
  request.retention_time_ms = retention.count();
  std::map<std::string, size_t> position;
  for (const CommittedOffset& offset : offsets) {
    auto [it, fresh] = position.try_emplace(offset.topic, request.topics.size());
    if (fresh) request.topics.emplace_back().name = offset.topic;
    auto& p = request.topics[it->second].partitions.emplace_back();
    p.partition_index = offset.partition;
    p.committed_offset = offset.offset;
    p.committed_metadata = offset.metadata;
  }
  return request;
}

bool SaysThatItHasMembers(int16_t code) {
  return code == kIllegalGeneration || code == kUnknownMemberId || code == kRebalanceInProgress ||
         code == kFencedMemberEpoch || code == kStaleMemberEpoch;
}

// The first error of the answer, retriable ones last: they are tried again anyway.
Status FirstError(const OffsetCommitResponse& response, const std::string& group, BrokerId broker) {
  Status retriable;
  for (const auto& topic : response.topics) {
    for (const auto& p : topic.partitions) {
      if (p.error_code == 0) continue;
      Resource resource = p.error_code == error::kTopicAuthorizationFailed
                              ? Resource{"Topic", topic.name}
                              : Resource{"Group", group};
      Status status =
          CallError(p.error_code, OffsetCommitRequest::kApi,
                    "group " + group + ", " + topic.name + "-" + std::to_string(p.partition_index),
                    resource, broker);
      if (!status.retryable() || SaysThatItHasMembers(p.error_code))
        return std::move(status).Retryable(false);
      retriable = status;
    }
  }
  return retriable;
}

}  // namespace

Result<std::map<std::string, Result<Offsets>>> Cluster::FetchGroupOffsets(
    const std::vector<std::string>& groups, const CallContext& context) {
  std::map<std::string, Offsets> offsets;
  auto ask = [&](BrokerId broker, const Names& names, const CallContext& bounded) {
    return FetchMany(impl_.get(), broker, names, bounded, &offsets);
  };
  MB_ASSIGN_OR_RETURN(
      auto statuses,
      CallCoordinators(impl_.get(), OffsetFetchRequest::kApi, groups,
                       {.names_per_request_max = kGroupsPerRequestMax}, ask, context));
  std::map<std::string, Result<Offsets>> out;
  for (const auto& [group, status] : statuses) {
    if (status.ok()) {
      out.emplace(group, std::move(offsets[group]));
    } else {
      out.emplace(group, status);
    }
  }
  return out;
}

Result<bool> Cluster::CommitGroupOffsets(const std::string& group, const Offsets& offsets,
                                         Millis retention, const CallContext& context) {
  bool retained = true;
  std::span<const CommittedOffset> rest(offsets);
  while (!rest.empty()) {
    size_t bytes = 0, count = 0;
    while (count < rest.size() && (count == 0 || bytes < kCommitBytesMax)) {
      bytes +=
          kCommitEntryBytes + group.size() + rest[count].topic.size() + rest[count].metadata.size();
      ++count;
    }
    OffsetCommitRequest request = CommitRequest(group, rest.first(count), retention);
    auto ask = [&](BrokerId broker, const Names&,
                   const CallContext& bounded) -> Result<StatusByName> {
      auto response = impl_->CallOn(broker, request, bounded, kCommitWithRetention);
      if (response.status().code() == Code::kUnsupported) {
        retained = false;
        response = impl_->CallOn(broker, request, bounded);
      }
      if (!response.ok()) return response.status();
      return StatusByName{{group, FirstError(*response, group, broker)}};
    };
    MB_ASSIGN_OR_RETURN(auto statuses, CallCoordinators(impl_.get(), OffsetCommitRequest::kApi,
                                                        {group}, {}, ask, context));
    Status status = statuses[group];
    if (SaysThatItHasMembers(status.kafka_error()))
      return impl_->ExplainMembers(this, group, status, context);
    MB_RETURN_IF_ERROR(status);
    rest = rest.subspan(count);
  }
  return retained;
}

// Offsets of a group that consumes are its members' to commit.
Status Cluster::Impl::ExplainMembers(Cluster* cluster, const std::string& group,
                                     const Status& status, const CallContext& context) {
  std::string members;
  for (const char* type : {"", "consumer"}) {
    auto described = cluster->DescribeGroups({{group, "", "", type}}, context);
    if (!described.ok()) continue;
    for (const std::string& member : described->front().members)
      members += (members.empty() ? "" : ", ") + member;
    if (!members.empty()) break;
  }
  return Status(Code::kConflict,
                "group " + group + " has members: " + (members.empty() ? "unknown ones" : members))
      .WithKafkaError(status.kafka_error())
      .WithHint("stop its consumers, or leave this group out");
}

}  // namespace maxbrod::kafka
