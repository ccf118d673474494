// Instantiates the messages of consumer groups.
#include "kafka/message_codec.h"
#include "kafka/messages/consumer_group_describe.h"
#include "kafka/messages/describe_groups.h"
#include "kafka/messages/list_groups.h"
#include "kafka/messages/offset_commit.h"
#include "kafka/messages/offset_fetch.h"

namespace maxbrod::kafka {

MB_KAFKA_INSTANTIATE(ConsumerGroupDescribe)
MB_KAFKA_INSTANTIATE(DescribeGroups)
MB_KAFKA_INSTANTIATE(ListGroups)
MB_KAFKA_INSTANTIATE(OffsetCommit)
MB_KAFKA_INSTANTIATE(OffsetFetch)

}  // namespace maxbrod::kafka
