#include "engine/describe_live.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kafka/errors.h"
#include "kafka/fake_broker_testing.h"
#include "kafka/messages/list_offsets.h"

namespace maxbrod::engine {
namespace {

using ::testing::HasSubstr;

class DescribeLiveTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fake_.With([](kafka::FakeWorld& world) {
      kafka::FakeTopic& topic = world.AddTopic("orders", 2);
      topic.configs["retention.ms"] = "1000";
      kafka::FakePartition& p = topic.partitions[1];
      p.log_start_offset = 3;
      p.end_offset = 10;
      p.last_stable_offset = 7;
      world.AddTopic("bills", 1);
      kafka::CommittedOffset offset;
      offset.topic = "orders";
      offset.partition = 1;
      offset.offset = 5;
      world.groups["readers"].offsets[{"orders", 1}] = offset;
    });
    auto cluster = kafka::Cluster::Connect(fake_.config(), context_);
    ASSERT_TRUE(cluster.ok()) << cluster.status().ToString();
    cluster_ = std::move(*cluster);
  }
  Result<repo::Snapshot> Describe(const std::vector<std::string>& topics) {
    options_.topics = *TopicSelection::Parse(topics, {});
    return DescribeLive(*cluster_, options_, clock_, progress_, context_);
  }

  kafka::FakeCluster fake_{kafka::FakeOptions{}};
  CallContext context_;
  FakeClock clock_;
  Progress progress_;
  LiveOptions options_;
  std::unique_ptr<kafka::Cluster> cluster_;
};

TEST_F(DescribeLiveTest, IsASnapshotWithoutData) {
  auto live = Describe({});
  ASSERT_TRUE(live.ok()) << live.status().ToString();
  ASSERT_EQ(live->topics.size(), 2u);
  const format::TopicSnapshot* orders = live->FindTopic("orders");
  ASSERT_NE(orders, nullptr);
  EXPECT_EQ(orders->topic_id().size(), 16u);
  EXPECT_EQ(orders->replication_factor(), 1);
  ASSERT_EQ(orders->partitions_size(), 2);
  EXPECT_EQ(orders->partitions(1).start_offset(), 3);
  EXPECT_EQ(orders->partitions(1).end_offset(), 7) << "nothing beyond an open transaction";
  EXPECT_EQ(orders->partitions(1).high_watermark(), 10);
  EXPECT_EQ(orders->manifests_size(), 0);
  ASSERT_EQ(live->groups.size(), 1u);
  EXPECT_EQ(live->groups[0].offsets(0).offset(), 5);
  EXPECT_EQ(live->header.cluster().brokers_size(), 1);
  EXPECT_EQ(live->ref.cluster_id(), live->header.cluster().cluster_id());
  EXPECT_TRUE(live->metadata.captured());
}

TEST_F(DescribeLiveTest, ATopicThatIsNotThereIsNone) {
  auto live = Describe({"orders", "gone"});
  ASSERT_TRUE(live.ok()) << live.status().ToString();
  EXPECT_EQ(live->topics.size(), 1u);
}

TEST_F(DescribeLiveTest, APartitionWithoutOffsetsIsLeftOutAndTold) {
  fake_.ControlKey(kafka::ListOffsetsRequest::kApi.key,
                   kafka::FakeEdit<kafka::ListOffsetsResponse>([](auto& response) {
                     for (auto& topic : response.topics) {
                       for (auto& p : topic.partitions) {
                         if (p.partition_index == 1)
                           p.error_code = kafka::error::kTopicAuthorizationFailed;
                       }
                     }
                   }));
  auto live = Describe({"orders"});
  ASSERT_TRUE(live.ok()) << live.status().ToString();
  EXPECT_EQ(live->topics[0].partitions_size(), 1);
  ASSERT_FALSE(progress_.warnings().empty());
  EXPECT_THAT(progress_.warnings()[0], HasSubstr("orders-1 is not compared"));
}

}  // namespace
}  // namespace maxbrod::engine
