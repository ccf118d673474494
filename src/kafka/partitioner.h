// The partition that Kafka's Java producer gives a record with a key
// (org.apache.kafka.clients.producer.internals.BuiltInPartitioner.partitionForKey).
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace maxbrod::kafka {

// org.apache.kafka.common.utils.Utils.murmur2, bit for bit.
uint32_t Murmur2(ByteView bytes);

// `partitions` is at least 1.
int32_t PartitionForKey(ByteView key, int32_t partitions);

}  // namespace maxbrod::kafka
