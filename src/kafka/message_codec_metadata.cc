// Instantiates the messages of ACLs, quotas, SCRAM users, the quorum and share groups.
#include "kafka/message_codec.h"
#include "kafka/messages/alter_client_quotas.h"
#include "kafka/messages/alter_share_group_offsets.h"
#include "kafka/messages/alter_user_scram_credentials.h"
#include "kafka/messages/create_acls.h"
#include "kafka/messages/delete_acls.h"
#include "kafka/messages/describe_acls.h"
#include "kafka/messages/describe_client_quotas.h"
#include "kafka/messages/describe_quorum.h"
#include "kafka/messages/describe_share_group_offsets.h"
#include "kafka/messages/describe_user_scram_credentials.h"
#include "kafka/messages/list_config_resources.h"
#include "kafka/messages/share_group_describe.h"

namespace maxbrod::kafka {

MB_KAFKA_INSTANTIATE(AlterClientQuotas)
MB_KAFKA_INSTANTIATE(AlterShareGroupOffsets)
MB_KAFKA_INSTANTIATE(AlterUserScramCredentials)
MB_KAFKA_INSTANTIATE(CreateAcls)
MB_KAFKA_INSTANTIATE(DeleteAcls)
MB_KAFKA_INSTANTIATE(DescribeAcls)
MB_KAFKA_INSTANTIATE(DescribeClientQuotas)
MB_KAFKA_INSTANTIATE(DescribeQuorum)
MB_KAFKA_INSTANTIATE(DescribeShareGroupOffsets)
MB_KAFKA_INSTANTIATE(DescribeUserScramCredentials)
MB_KAFKA_INSTANTIATE(ListConfigResources)
MB_KAFKA_INSTANTIATE(ShareGroupDescribe)

}  // namespace maxbrod::kafka
