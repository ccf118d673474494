// What coordinators of groups answer: groups and their offsets; and who coordinates what.
#include "kafka/errors.h"
#include "kafka/fake_handlers_testing.h"
#include "kafka/messages/all.h"

namespace maxbrod::kafka {
namespace {

constexpr int16_t kUnknownMemberId = 25;

constexpr int8_t kKeyTypeTransaction = 1;

int32_t CoordinatorOf(const FakeWorld& world, const std::string& key) {
  auto group = world.groups.find(key);
  return group == world.groups.end() ? world.controller : group->second.coordinator;
}

// The error of a broker that does not coordinate the group.
int16_t Refusal(const FakeCall& call, const std::string& group) {
  return CoordinatorOf(*call.world, group) == call.self ? error::kNone : error::kNotCoordinator;
}

FindCoordinatorResponse HandleFind(const FindCoordinatorRequest& request, FakeCall* call) {
  FindCoordinatorResponse response;
  std::vector<std::string> keys = request.coordinator_keys;
  if (call->version < 4) keys = {request.key};
  for (const std::string& key : keys) {
    int32_t node = CoordinatorOf(*call->world, key);
    auto transaction = call->world->transactions.find(key);
    if (request.key_type == kKeyTypeTransaction && transaction != call->world->transactions.end())
      node = transaction->second.coordinator;
    auto broker = call->brokers.find(node);
    bool up = broker != call->brokers.end();
    FindCoordinatorResponse::Coordinator found;
    found.key = key;
    found.node_id = up ? node : -1;
    found.host = up ? broker->second.host : "";
    found.port = up ? broker->second.port : -1;
    found.error_code = up ? error::kNone : error::kCoordinatorNotAvailable;
    if (call->version >= 4) {
      response.coordinators.push_back(found);
    } else {
      response.node_id = found.node_id;
      response.host = found.host;
      response.port = found.port;
      response.error_code = found.error_code;
    }
  }
  return response;
}

ListGroupsResponse HandleList(const ListGroupsRequest&, FakeCall* call) {
  ListGroupsResponse response;
  for (const auto& [name, group] : call->world->groups) {
    if (group.coordinator != call->self) continue;
    response.groups.push_back({name, group.protocol_type, call->version >= 4 ? group.state : "",
                               call->version >= 5 ? group.type : ""});
  }
  return response;
}

DescribeGroupsResponse HandleDescribe(const DescribeGroupsRequest& request, FakeCall* call) {
  DescribeGroupsResponse response;
  for (const std::string& name : request.groups) {
    auto& out = response.groups.emplace_back();
    out.group_id = name;
    out.error_code = Refusal(*call, name);
    auto group = call->world->groups.find(name);
    bool found = group != call->world->groups.end() && group->second.type == "classic";
    out.group_state = found ? group->second.state : "Dead";
    if (!found || out.error_code != 0) continue;
    out.protocol_type = group->second.protocol_type;
    for (const std::string& id : group->second.members) {
      auto& member = out.members.emplace_back();
      member.member_id = id;
      member.client_id = "client";
      member.client_host = "/127.0.0.1";
    }
  }
  return response;
}

ConsumerGroupDescribeResponse HandleDescribeConsumer(const ConsumerGroupDescribeRequest& request,
                                                     FakeCall* call) {
  ConsumerGroupDescribeResponse response;
  for (const std::string& name : request.group_ids) {
    auto& out = response.groups.emplace_back();
    out.group_id = name;
    out.error_code = Refusal(*call, name);
    auto group = call->world->groups.find(name);
    if (group == call->world->groups.end() || group->second.type != "consumer") {
      out.error_code = error::kGroupIdNotFound;
      continue;
    }
    out.group_state = group->second.state;
    out.assignor_name = "uniform";
    for (const std::string& id : group->second.members) {
      auto& member = out.members.emplace_back();
      member.member_id = id;
      member.client_id = "client";
      member.client_host = "/127.0.0.1";
    }
  }
  return response;
}

template <typename Topic>
std::vector<Topic> OffsetsOf(const FakeWorld& world, const std::string& name) {
  std::vector<Topic> topics;
  auto group = world.groups.find(name);
  if (group == world.groups.end()) return topics;
  for (const auto& [tp, offset] : group->second.offsets) {
    if (topics.empty() || topics.back().name != tp.topic) topics.emplace_back().name = tp.topic;
    auto& out = topics.back().partitions.emplace_back();
    out.partition_index = tp.partition;
    out.committed_offset = offset.offset;
    out.metadata = offset.metadata;
    out.error_code = offset.error;
  }
  return topics;
}

OffsetFetchResponse HandleFetchOffsets(const OffsetFetchRequest& request, FakeCall* call) {
  OffsetFetchResponse response;
  if (call->version < 8) {
    response.error_code = Refusal(*call, request.group_id);
    if (response.error_code == 0) {
      response.topics = OffsetsOf<OffsetFetchResponse::Topic>(*call->world, request.group_id);
    }
    return response;
  }
  for (const auto& group : request.groups) {
    auto& out = response.groups.emplace_back();
    out.group_id = group.group_id;
    out.error_code = Refusal(*call, group.group_id);
    if (out.error_code == 0)
      out.topics = OffsetsOf<OffsetFetchResponse::GroupTopic>(*call->world, group.group_id);
  }
  return response;
}

OffsetCommitResponse HandleCommit(const OffsetCommitRequest& request, FakeCall* call) {
  OffsetCommitResponse response;
  int16_t error = Refusal(*call, request.group_id);
  auto existing = call->world->groups.find(request.group_id);
  if (error == 0 && existing != call->world->groups.end() && !existing->second.members.empty()) {
    error = kUnknownMemberId;
  }
  for (const auto& topic : request.topics) {
    auto& out = response.topics.emplace_back();
    out.name = topic.name;
    for (const auto& p : topic.partitions) {
      int16_t code = error;
      if (code == 0 && !call->world->topics.contains(topic.name))
        code = error::kUnknownTopicOrPartition;
      out.partitions.push_back({p.partition_index, code});
      if (code != 0) continue;
      FakeGroup& group = call->world->groups[request.group_id];
      if (existing == call->world->groups.end()) group.coordinator = call->self;
      group.retention_ms = request.retention_time_ms;
      group.offsets[{topic.name, p.partition_index}] = {
          topic.name, p.partition_index, p.committed_offset, -1, p.committed_metadata.value_or(""),
          0};
    }
  }
  return response;
}

}  // namespace

void AddFakeGroupHandlers(FakeHandlers* handlers) {
  (*handlers)[FindCoordinatorRequest::kApi.key] =
      MakeFakeHandler<FindCoordinatorRequest>(&HandleFind);
  (*handlers)[ListGroupsRequest::kApi.key] = MakeFakeHandler<ListGroupsRequest>(&HandleList);
  (*handlers)[DescribeGroupsRequest::kApi.key] =
      MakeFakeHandler<DescribeGroupsRequest>(&HandleDescribe);
  (*handlers)[ConsumerGroupDescribeRequest::kApi.key] =
      MakeFakeHandler<ConsumerGroupDescribeRequest>(&HandleDescribeConsumer);
  (*handlers)[OffsetFetchRequest::kApi.key] =
      MakeFakeHandler<OffsetFetchRequest>(&HandleFetchOffsets);
  (*handlers)[OffsetCommitRequest::kApi.key] = MakeFakeHandler<OffsetCommitRequest>(&HandleCommit);
}

}  // namespace maxbrod::kafka
