// Share groups (KIP-932): their state, and where their share-partitions begin.
#include "kafka/admin_calls.h"
#include "kafka/cluster_coordinator.h"
#include "kafka/messages/alter_share_group_offsets.h"
#include "kafka/messages/describe_share_group_offsets.h"
#include "kafka/messages/share_group_describe.h"

namespace maxbrod::kafka {
namespace {

Status GroupError(const ApiInfo& api, int16_t code, const std::string& group,
                  const std::optional<std::string>& message, BrokerId broker) {
  return CallError(code, api, "group " + group, {"Group", group}, broker, message.value_or(""));
}

// Joins what was learned with each name's Status.
template <typename T>
std::map<std::string, Result<T>> Joined(const StatusByName& statuses,
                                        std::map<std::string, T>* values) {
  std::map<std::string, Result<T>> out;
  for (const auto& [name, status] : statuses) {
    if (status.ok()) {
      out.emplace(name, std::move((*values)[name]));
    } else {
      out.emplace(name, status);
    }
  }
  return out;
}

std::vector<CommittedOffset> OffsetsFrom(const DescribeShareGroupOffsetsResponse::Group& group) {
  std::vector<CommittedOffset> out;
  for (const auto& topic : group.topics) {
    for (const auto& p : topic.partitions) {
      if (p.error_code == 0 && p.start_offset < 0) continue;  // none yet
      CommittedOffset offset;
      offset.topic = topic.topic_name;
      offset.partition = p.partition_index;
      offset.offset = p.start_offset;
      offset.leader_epoch = p.leader_epoch;
      offset.error = p.error_code;
      out.push_back(std::move(offset));
    }
  }
  return out;
}

}  // namespace

Result<std::map<std::string, Result<ShareGroupState>>> Admin::DescribeShareGroups(
    const std::vector<std::string>& groups, const CallContext& context) {
  using Request = ShareGroupDescribeRequest;
  std::map<std::string, ShareGroupState> states;
  auto ask = [&](BrokerId broker, const Names& names,
                 const CallContext& bounded) -> Result<StatusByName> {
    Request request;
    request.group_ids = names;
    MB_ASSIGN_OR_RETURN(auto response, cluster_.impl_->CallOn(broker, request, bounded));
    StatusByName statuses;
    for (const auto& group : response.groups) {
      statuses[group.group_id] =
          GroupError(Request::kApi, group.error_code, group.group_id, group.error_message, broker);
      states[group.group_id] = {group.group_state, group.members.size()};
    }
    return statuses;
  };
  MB_ASSIGN_OR_RETURN(StatusByName statuses, CallCoordinators(cluster_.impl_.get(), Request::kApi,
                                                              groups, {}, ask, context));
  return Joined(statuses, &states);
}

Result<std::map<std::string, Result<std::vector<CommittedOffset>>>>
Admin::DescribeShareGroupOffsets(const std::vector<std::string>& groups,
                                 const CallContext& context) {
  using Request = DescribeShareGroupOffsetsRequest;
  std::map<std::string, std::vector<CommittedOffset>> offsets;
  auto ask = [&](BrokerId broker, const Names& names,
                 const CallContext& bounded) -> Result<StatusByName> {
    Request request;
    for (const std::string& name : names) request.groups.push_back({name, std::nullopt});
    MB_ASSIGN_OR_RETURN(auto response, cluster_.impl_->CallOn(broker, request, bounded));
    StatusByName statuses;
    for (const auto& group : response.groups) {
      statuses[group.group_id] =
          GroupError(Request::kApi, group.error_code, group.group_id, group.error_message, broker);
      offsets[group.group_id] = OffsetsFrom(group);
    }
    return statuses;
  };
  MB_ASSIGN_OR_RETURN(StatusByName statuses, CallCoordinators(cluster_.impl_.get(), Request::kApi,
                                                              groups, {}, ask, context));
  return Joined(statuses, &offsets);
}

Result<PerPartition<Status>> Admin::AlterShareGroupOffsets(const std::string& group,
                                                           const PerPartition<int64_t>& offsets,
                                                           const CallContext& context) {
  using Request = AlterShareGroupOffsetsRequest;
  Request request;
  request.group_id = group;
  for (const auto& [tp, offset] : offsets) {
    if (request.topics.empty() || request.topics.back().topic_name != tp.topic)
      request.topics.push_back({tp.topic, {}});
    request.topics.back().partitions.push_back({tp.partition, offset});
  }
  PerPartition<Status> out;
  auto ask = [&](BrokerId broker, const Names&,
                 const CallContext& bounded) -> Result<StatusByName> {
    MB_ASSIGN_OR_RETURN(auto response, cluster_.impl_->CallOn(broker, request, bounded));
    out.clear();
    for (const auto& topic : response.responses) {
      for (const auto& p : topic.partitions) {
        TopicPartition tp{topic.topic_name, p.partition_index};
        out[tp] = CallError(p.error_code, Request::kApi, group + ", " + tp.ToString(),
                            {"Topic", tp.topic}, broker, p.error_message.value_or(""));
      }
    }
    return StatusByName{{group, GroupError(Request::kApi, response.error_code, group,
                                           response.error_message, broker)}};
  };
  MB_ASSIGN_OR_RETURN(StatusByName statuses, CallCoordinators(cluster_.impl_.get(), Request::kApi,
                                                              {group}, {}, ask, context));
  MB_RETURN_IF_ERROR(statuses[group]);
  for (const auto& [tp, offset] : offsets) {
    if (out.contains(tp)) continue;
    return Status(Code::kProtocol, "AlterShareGroupOffsets: the broker left out " + tp.ToString());
  }
  return out;
}

}  // namespace maxbrod::kafka
