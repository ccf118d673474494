// Every message: for tests, fuzzing and tools that take any of them. Others include what they use.
#pragma once

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

namespace internal {
template <class... Requests, class Function>
void ForEachOf(Function&& function) {
  (function.template operator()<Requests>(), ...);
}
}  // namespace internal

// Calls function.operator()<Request>() for each; the answers are Request::Response.
template <class Function>
void ForEachRequest(Function&& function) {
  internal::ForEachOf<
      AddPartitionsToTxnRequest, AlterClientQuotasRequest, AlterShareGroupOffsetsRequest,
      AlterUserScramCredentialsRequest, ApiVersionsRequest, ConsumerGroupDescribeRequest,
      CreateAclsRequest, CreatePartitionsRequest, CreateTopicsRequest, DeleteAclsRequest,
      DeleteRecordsRequest, DeleteTopicsRequest, DescribeAclsRequest, DescribeClientQuotasRequest,
      DescribeClusterRequest, DescribeConfigsRequest, DescribeGroupsRequest, DescribeLogDirsRequest,
      DescribeProducersRequest, DescribeQuorumRequest, DescribeShareGroupOffsetsRequest,
      DescribeTransactionsRequest, DescribeUserScramCredentialsRequest, EndTxnRequest, FetchRequest,
      FindCoordinatorRequest, IncrementalAlterConfigsRequest, InitProducerIdRequest,
      ListConfigResourcesRequest, ListGroupsRequest, ListOffsetsRequest, ListTransactionsRequest,
      MetadataRequest, OffsetCommitRequest, OffsetFetchRequest, OffsetForLeaderEpochRequest,
      ProduceRequest, SaslAuthenticateRequest, SaslHandshakeRequest, ShareGroupDescribeRequest,
      WriteTxnMarkersRequest>(function);
}

}  // namespace maxbrod::kafka
