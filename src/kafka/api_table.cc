// All APIs of kafka/messages by key.
#include <algorithm>
#include <iterator>

#include "kafka/connection.h"
#include "kafka/messages/add_partitions_to_txn.h"
#include "kafka/messages/alter_client_quotas.h"
#include "kafka/messages/alter_share_group_offsets.h"
#include "kafka/messages/alter_user_scram_credentials.h"
#include "kafka/messages/api_versions.h"
#include "kafka/messages/consumer_group_describe.h"
#include "kafka/messages/create_acls.h"
#include "kafka/messages/create_partitions.h"
#include "kafka/messages/create_topics.h"
#include "kafka/messages/delete_acls.h"
#include "kafka/messages/delete_records.h"
#include "kafka/messages/delete_topics.h"
#include "kafka/messages/describe_acls.h"
#include "kafka/messages/describe_client_quotas.h"
#include "kafka/messages/describe_cluster.h"
#include "kafka/messages/describe_configs.h"
#include "kafka/messages/describe_groups.h"
#include "kafka/messages/describe_log_dirs.h"
#include "kafka/messages/describe_producers.h"
#include "kafka/messages/describe_quorum.h"
#include "kafka/messages/describe_share_group_offsets.h"
#include "kafka/messages/describe_transactions.h"
#include "kafka/messages/describe_user_scram_credentials.h"
#include "kafka/messages/end_txn.h"
#include "kafka/messages/fetch.h"
#include "kafka/messages/find_coordinator.h"
#include "kafka/messages/incremental_alter_configs.h"
#include "kafka/messages/init_producer_id.h"
#include "kafka/messages/list_config_resources.h"
#include "kafka/messages/list_groups.h"
#include "kafka/messages/list_offsets.h"
#include "kafka/messages/list_transactions.h"
#include "kafka/messages/metadata.h"
#include "kafka/messages/offset_commit.h"
#include "kafka/messages/offset_fetch.h"
#include "kafka/messages/offset_for_leader_epoch.h"
#include "kafka/messages/produce.h"
#include "kafka/messages/sasl_authenticate.h"
#include "kafka/messages/sasl_handshake.h"
#include "kafka/messages/share_group_describe.h"
#include "kafka/messages/write_txn_markers.h"

namespace maxbrod::kafka {
namespace {

constexpr const ApiInfo* kApis[] = {
    &AddPartitionsToTxnRequest::kApi,
    &AlterClientQuotasRequest::kApi,
    &AlterShareGroupOffsetsRequest::kApi,
    &AlterUserScramCredentialsRequest::kApi,
    &ApiVersionsRequest::kApi,
    &ConsumerGroupDescribeRequest::kApi,
    &CreateAclsRequest::kApi,
    &CreatePartitionsRequest::kApi,
    &CreateTopicsRequest::kApi,
    &DeleteAclsRequest::kApi,
    &DeleteRecordsRequest::kApi,
    &DeleteTopicsRequest::kApi,
    &DescribeAclsRequest::kApi,
    &DescribeClientQuotasRequest::kApi,
    &DescribeClusterRequest::kApi,
    &DescribeConfigsRequest::kApi,
    &DescribeGroupsRequest::kApi,
    &DescribeLogDirsRequest::kApi,
    &DescribeProducersRequest::kApi,
    &DescribeQuorumRequest::kApi,
    &DescribeShareGroupOffsetsRequest::kApi,
    &DescribeTransactionsRequest::kApi,
    &DescribeUserScramCredentialsRequest::kApi,
    &EndTxnRequest::kApi,
    &FetchRequest::kApi,
    &FindCoordinatorRequest::kApi,
    &IncrementalAlterConfigsRequest::kApi,
    &InitProducerIdRequest::kApi,
    &ListConfigResourcesRequest::kApi,
    &ListGroupsRequest::kApi,
    &ListOffsetsRequest::kApi,
    &ListTransactionsRequest::kApi,
    &MetadataRequest::kApi,
    &OffsetCommitRequest::kApi,
    &OffsetFetchRequest::kApi,
    &OffsetForLeaderEpochRequest::kApi,
    &ProduceRequest::kApi,
    &SaslAuthenticateRequest::kApi,
    &SaslHandshakeRequest::kApi,
    &ShareGroupDescribeRequest::kApi,
    &WriteTxnMarkersRequest::kApi,
};

}  // namespace

const ApiInfo* FindApi(int16_t api_key) {
  const auto* found = std::find_if(std::begin(kApis), std::end(kApis),
                                   [&](const ApiInfo* api) { return api->key == api_key; });
  return found == std::end(kApis) ? nullptr : *found;
}

}  // namespace maxbrod::kafka
