// Instantiates the messages of administration.
#include "kafka/message_codec.h"
#include "kafka/messages/create_partitions.h"
#include "kafka/messages/create_topics.h"
#include "kafka/messages/delete_records.h"
#include "kafka/messages/delete_topics.h"
#include "kafka/messages/describe_cluster.h"
#include "kafka/messages/describe_configs.h"
#include "kafka/messages/describe_log_dirs.h"
#include "kafka/messages/incremental_alter_configs.h"

namespace maxbrod::kafka {

MB_KAFKA_INSTANTIATE(CreatePartitions)
MB_KAFKA_INSTANTIATE(CreateTopics)
MB_KAFKA_INSTANTIATE(DeleteRecords)
MB_KAFKA_INSTANTIATE(DeleteTopics)
MB_KAFKA_INSTANTIATE(DescribeCluster)
MB_KAFKA_INSTANTIATE(DescribeConfigs)
MB_KAFKA_INSTANTIATE(DescribeLogDirs)
MB_KAFKA_INSTANTIATE(IncrementalAlterConfigs)

}  // namespace maxbrod::kafka
