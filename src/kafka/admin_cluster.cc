// Features (ApiVersions) and the controllers' quorum.
#include <algorithm>

#include "kafka/admin_calls.h"
#include "kafka/messages/api_versions.h"
#include "kafka/messages/describe_quorum.h"

namespace maxbrod::kafka {
namespace {

// Features since version 3 (KIP-584).
constexpr VersionRange kVersionsWithFeatures{3, ApiVersionsRequest::kApi.version_max};
constexpr const char* kMetadataLog = "__cluster_metadata";

void AddReplicas(const std::vector<DescribeQuorumResponse::Replica>& replicas, bool voters,
                 QuorumState* out) {
  std::vector<QuorumReplicaState> some;
  for (const auto& replica : replicas) {
    some.push_back({replica.replica_id, voters, replica.log_end_offset});
  }
  std::sort(some.begin(), some.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  out->replicas.insert(out->replicas.end(), some.begin(), some.end());
}

}  // namespace

Result<std::map<std::string, FeatureLevels>> Admin::DescribeFeatures(const CallContext& context) {
  ApiVersionsRequest request;
  request.client_software_name = "maxbrod";
  request.client_software_version = "0";
  MB_ASSIGN_OR_RETURN(auto response,
                      CallForWhole(cluster_.impl_.get(), request, context, kVersionsWithFeatures));
  std::map<std::string, FeatureLevels> out;
  for (const auto& feature : response.supported_features) {
    out[feature.name].supported_min = feature.min_version;
    out[feature.name].supported_max = feature.max_version;
  }
  for (const auto& feature : response.finalized_features) {
    out[feature.name].finalized = feature.max_version_level;
  }
  return out;
}

Result<QuorumState> Admin::DescribeQuorum(const CallContext& context) {
  DescribeQuorumRequest request;
  request.topics.push_back({kMetadataLog, {{0}}});
  Cluster::Impl* impl = cluster_.impl_.get();
  return impl->Retrying<QuorumState>(
      context, [&](const CallContext& bounded) -> Result<QuorumState> {
        MB_ASSIGN_OR_RETURN(auto response, impl->CallAny(request, bounded));
        const ApiInfo& api = DescribeQuorumRequest::kApi;
        MB_RETURN_IF_ERROR(CallError(response.error_code, api, "", kClusterResource, BrokerId(-1),
                                     response.error_message.value_or("")));
        if (response.topics.size() != 1 || response.topics[0].partitions.size() != 1)
          return Status(Code::kProtocol, "DescribeQuorum: the answer is not of one partition");
        const auto& partition = response.topics[0].partitions[0];
        MB_RETURN_IF_ERROR(CallError(partition.error_code, api, kMetadataLog, kClusterResource,
                                     BrokerId(-1), partition.error_message.value_or("")));
        QuorumState out;
        out.leader = partition.leader_id;
        out.leader_epoch = partition.leader_epoch;
        AddReplicas(partition.current_voters, true, &out);
        AddReplicas(partition.observers, false, &out);
        return out;
      });
}

}  // namespace maxbrod::kafka
