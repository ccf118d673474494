#include "kafka/call_error.h"

#include <algorithm>
#include <iterator>

namespace maxbrod::kafka {
namespace {

struct NeededOperation {
  int16_t api_key;
  std::string_view on_topic, on_group, on_cluster, on_transactional_id;
};

// What KafkaApis (and ControllerApis) of the brokers check per API.
constexpr NeededOperation kNeeded[] = {
    {0, "Write", "", "IdempotentWrite", "Write"},                       // Produce
    {1, "Read", "", "ClusterAction", ""},                               // Fetch
    {2, "Describe", "", "", ""},                                        // ListOffsets
    {3, "Describe", "", "Describe", ""},                                // Metadata
    {8, "Read", "Read", "", ""},                                        // OffsetCommit
    {9, "Describe", "Describe", "", ""},                                // OffsetFetch
    {10, "", "Describe", "ClusterAction", "Describe"},                  // FindCoordinator
    {15, "", "Describe", "", ""},                                       // DescribeGroups
    {16, "", "Describe", "Describe", ""},                               // ListGroups
    {19, "Create", "", "Create", ""},                                   // CreateTopics
    {20, "Delete", "", "", ""},                                         // DeleteTopics
    {21, "Delete", "", "", ""},                                         // DeleteRecords
    {22, "", "", "IdempotentWrite", "Write"},                           // InitProducerId
    {23, "Describe", "", "", ""},                                       // OffsetForLeaderEpoch
    {24, "Write", "", "", "Write"},                                     // AddPartitionsToTxn
    {26, "", "", "", "Write"},                                          // EndTxn
    {27, "", "", "Alter (before 3.8: ClusterAction)", ""},              // WriteTxnMarkers
    {29, "", "", "Describe", ""},                                       // DescribeAcls
    {30, "", "", "Alter", ""},                                          // CreateAcls
    {31, "", "", "Alter", ""},                                          // DeleteAcls
    {32, "DescribeConfigs", "DescribeConfigs", "DescribeConfigs", ""},  // DescribeConfigs
    {35, "", "", "Describe", ""},                                       // DescribeLogDirs
    {37, "Alter", "", "", ""},                                          // CreatePartitions
    {44, "AlterConfigs", "AlterConfigs", "AlterConfigs", ""},           // IncrementalAlterConfigs
    {48, "", "", "DescribeConfigs", ""},                                // DescribeClientQuotas
    {49, "", "", "AlterConfigs", ""},                                   // AlterClientQuotas
    {50, "", "", "Describe", ""},          // DescribeUserScramCredentials
    {51, "", "", "Alter", ""},             // AlterUserScramCredentials
    {55, "", "", "Describe", ""},          // DescribeQuorum
    {60, "", "", "Describe", ""},          // DescribeCluster
    {61, "Read", "", "", ""},              // DescribeProducers
    {65, "", "", "", "Describe"},          // DescribeTransactions
    {69, "Describe", "Describe", "", ""},  // ConsumerGroupDescribe
    {74, "", "", "DescribeConfigs", ""},   // ListConfigResources
    {77, "", "Describe", "", ""},          // ShareGroupDescribe
    {90, "Describe", "Describe", "", ""},  // DescribeShareGroupOffsets
    {91, "Read", "Read", "", ""},          // AlterShareGroupOffsets
};

std::string AclHint(int16_t code, const ApiInfo& api, const Resource& resource) {
  const auto* needed = std::find_if(std::begin(kNeeded), std::end(kNeeded),
                                    [&](const NeededOperation& n) { return n.api_key == api.key; });
  if (needed == std::end(kNeeded)) return {};
  std::string_view type, operation;
  switch (code) {
    case error::kTopicAuthorizationFailed:
      type = "Topic", operation = needed->on_topic;
      break;
    case error::kGroupAuthorizationFailed:
      type = "Group", operation = needed->on_group;
      break;
    case error::kClusterAuthorizationFailed:
      type = "Cluster", operation = needed->on_cluster;
      break;
    case error::kTransactionalIdAuthorizationFailed:
      type = "TransactionalId", operation = needed->on_transactional_id;
      break;
    default:
      return {};
  }
  if (operation.empty()) return {};
  std::string hint = "the user needs " + std::string(operation) + " on " + std::string(type);
  if (resource.type == type && !resource.name.empty()) hint += " " + resource.name;
  return hint;
}

}  // namespace

Status CallError(int16_t code, const ApiInfo& api, const std::string& object,
                 const Resource& resource, BrokerId broker, std::string_view broker_message) {
  if (code == error::kNone) return Status::Ok();
  std::string context = api.name;
  if (!object.empty()) context += " of " + object;
  if (broker.value() >= 0) context += " on broker " + std::to_string(broker.value());
  Status status = ErrorStatus(code, context, broker_message);
  std::string hint = AclHint(code, api, resource);
  if (hint.empty()) return status;
  return std::move(status).WithHint(hint);
}

}  // namespace maxbrod::kafka
