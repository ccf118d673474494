// ListGroups, DescribeGroups, ConsumerGroupDescribe.
#include "kafka/cluster_coordinator.h"
#include "kafka/messages/consumer_group_describe.h"
#include "kafka/messages/describe_groups.h"
#include "kafka/messages/list_groups.h"

namespace maxbrod::kafka {
namespace {

// Types of ListGroups v5 (org.apache.kafka.common.GroupType); empty from older brokers, which have
// classic ones only.
constexpr std::string_view kTypeConsumer = "consumer";
constexpr std::string_view kTypeClassic = "classic";

using Descriptions = std::map<std::string, GroupDescription>;

std::string MemberName(const std::string& id, const std::string& client_id,
                       const std::string& host) {
  return id + " (" + client_id + ", " + host + ")";
}

// DescribeGroups to one coordinator.
Result<StatusByName> AskClassic(Cluster::Impl* cluster, BrokerId broker, const Names& names,
                                const CallContext& context, Descriptions* out) {
  DescribeGroupsRequest request;
  request.groups = names;
  MB_ASSIGN_OR_RETURN(auto response, cluster->CallOn(broker, request, context));
  StatusByName statuses;
  for (const auto& group : response.groups) {
    statuses[group.group_id] =
        CallError(group.error_code, DescribeGroupsRequest::kApi, group.group_id,
                  {"Group", group.group_id}, broker, group.error_message.value_or(""));
    GroupDescription& description = (*out)[group.group_id];
    description.protocol_type = group.protocol_type;
    description.protocol = group.protocol_data;
    description.state = group.group_state;
    description.members.clear();
    for (const auto& member : group.members) {
      description.members.push_back(
          MemberName(member.member_id, member.client_id, member.client_host));
    }
  }
  return statuses;
}

// ConsumerGroupDescribe to one coordinator.
Result<StatusByName> AskConsumer(Cluster::Impl* cluster, BrokerId broker, const Names& names,
                                 const CallContext& context, Descriptions* out) {
  ConsumerGroupDescribeRequest request;
  request.group_ids = names;
  auto response = cluster->CallOn(broker, request, context);
  if (response.status().code() == Code::kUnsupported)
    return AskClassic(cluster, broker, names, context, out);
  if (!response.ok()) return response.status();
  StatusByName statuses;
  for (const auto& group : response->groups) {
    statuses[group.group_id] =
        CallError(group.error_code, ConsumerGroupDescribeRequest::kApi, group.group_id,
                  {"Group", group.group_id}, broker, group.error_message.value_or(""));
    GroupDescription& description = (*out)[group.group_id];
    description.protocol = group.assignor_name;
    description.state = group.group_state;
    description.members.clear();
    for (const auto& member : group.members) {
      description.members.push_back(
          MemberName(member.member_id, member.client_id, member.client_host));
    }
  }
  return statuses;
}

}  // namespace

// A list from which one broker is missing would look like groups that are gone, so all must answer.
Result<std::vector<GroupListing>> Cluster::ListGroups(const CallContext& context) {
  return impl_->Retrying<std::vector<GroupListing>>(
      context, [&](const CallContext& bounded) -> Result<std::vector<GroupListing>> {
        static const Names kNoTopics;
        MB_RETURN_IF_ERROR(impl_->RefreshOnce(&kNoTopics, bounded));
        std::map<std::string, GroupListing> all;
        auto metadata = impl_->Snapshot();
        for (const auto& [id, broker] : metadata->brokers) {
          MB_ASSIGN_OR_RETURN(auto response, impl_->CallOn(id, ListGroupsRequest(), bounded));
          MB_RETURN_IF_ERROR(
              CallError(response.error_code, ListGroupsRequest::kApi, "", {"Cluster", ""}, id));
          for (const auto& g : response.groups) {
            all[g.group_id] = {g.group_id, g.protocol_type, g.group_state, g.group_type};
          }
        }
        std::vector<GroupListing> list;
        for (auto& [name, listing] : all) list.push_back(std::move(listing));
        return list;
      });
}

Result<std::vector<GroupDescription>> Cluster::DescribeGroups(
    const std::vector<GroupListing>& groups, const CallContext& context) {
  Descriptions described;
  Names classic, consumer;
  for (const GroupListing& group : groups) {
    GroupDescription& description = described[group.group];
    description.group = group.group;
    description.protocol_type = group.protocol_type;
    description.state = group.state;
    description.type = group.type;
    std::string type = group.type;
    for (char& c : type) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (type == kTypeConsumer) {
      consumer.push_back(group.group);
    } else if (type.empty() || type == kTypeClassic) {
      classic.push_back(group.group);
    }
    // Share and Streams groups: what the listing says.
  }
  auto ask_classic = [&](BrokerId broker, const Names& names, const CallContext& bounded) {
    return AskClassic(impl_.get(), broker, names, bounded, &described);
  };
  auto ask_consumer = [&](BrokerId broker, const Names& names, const CallContext& bounded) {
    return AskConsumer(impl_.get(), broker, names, bounded, &described);
  };
  MB_ASSIGN_OR_RETURN(auto statuses, CallCoordinators(impl_.get(), DescribeGroupsRequest::kApi,
                                                      classic, {}, ask_classic, context));
  MB_ASSIGN_OR_RETURN(auto more, CallCoordinators(impl_.get(), ConsumerGroupDescribeRequest::kApi,
                                                  consumer, {}, ask_consumer, context));
  statuses.merge(more);
  std::vector<GroupDescription> out;
  for (const GroupListing& group : groups) {
    GroupDescription& description = described[group.group];
    if (auto it = statuses.find(group.group); it != statuses.end()) description.status = it->second;
    out.push_back(description);
  }
  return out;
}

}  // namespace maxbrod::kafka
