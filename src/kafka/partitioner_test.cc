#include "kafka/partitioner.h"

#include <gtest/gtest.h>

namespace maxbrod::kafka {
namespace {

// From Kafka's own org.apache.kafka.common.utils.UtilsTest.testMurmur2.
TEST(Partitioner, Murmur2IsKafkas) {
  const std::pair<const char*, int32_t> kKnown[] = {
      {"21", -973932308},
      {"foobar", -790332482},
      {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
  };
  for (const auto& [text, hash] : kKnown)
    EXPECT_EQ(hash, static_cast<int32_t>(Murmur2(AsBytes(text)))) << text;
  const uint8_t abc[] = {'a', 'b', 'c'};
  EXPECT_EQ(479470107, static_cast<int32_t>(Murmur2(abc)));
}

TEST(Partitioner, IsWithinThePartitions) {
  for (int32_t partitions : {1, 2, 7, 50}) {
    for (int i = 0; i < 100; ++i) {
      const std::string key = "key-" + std::to_string(i);
      const int32_t partition = PartitionForKey(AsBytes(key), partitions);
      EXPECT_GE(partition, 0);
      EXPECT_LT(partition, partitions);
    }
  }
}

}  // namespace
}  // namespace maxbrod::kafka
