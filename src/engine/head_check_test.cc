#include "engine/head_check.h"

#include <gmock/gmock.h>

#include "engine/verify_testing.h"
#include "kafka/fake_broker_testing.h"

namespace maxbrod::engine {
namespace {

using ::testing::HasSubstr;

// A head of twenty records, and a replica that holds what the test gives it.
class HeadCheckTest : public ::testing::Test {
 protected:
  HeadCheckTest() {
    repository_.AddPack("t", 0, {TestBatch(0, 10), TestBatch(10, 20)});
    partition_.blocks = repository_.Blocks(repository_.Snapshot("one"), "t", 0);
    partition_.end = partition_.fill_below = 20;
    fake_.With([&](kafka::FakeWorld& world) {
      world.topics["t"].id = id_.id;
      world.topics["t"].partitions.resize(1);
    });
  }
  void Replica(const std::vector<Bytes>& batches, int64_t end_offset) {
    fake_.With([&](kafka::FakeWorld& world) {
      kafka::FakePartition& p = world.topics["t"].partitions[0];
      for (const Bytes& batch : batches) {
        auto header = kafka::BatchHeader::Parse(batch);
        ASSERT_TRUE(header.ok());
        p.batches[header->base_offset] = batch;
      }
      p.end_offset = end_offset;
    });
  }
  Result<HeadCheck> Check() {
    auto cluster = kafka::Cluster::Connect(fake_.config(), {});
    if (!cluster.ok()) return cluster.status();
    return CheckHead(**cluster, BrokerId(1), "t", id_, partition_, repository_.repository().store(),
                     CallContext{Deadline::After(Millis(30'000)), {}});
  }

  kafka::FakeCluster fake_;
  TestRepository repository_;
  TopicId id_{Uuid(std::array<uint8_t, 16>{1, 2, 3})};
  PlannedPartition partition_;
};

TEST_F(HeadCheckTest, AWholeHeadIsClean) {
  Replica({TestBatch(0, 10), TestBatch(10, 20)}, 20);
  auto check = Check();
  ASSERT_TRUE(check.ok()) << check.status().ToString();
  EXPECT_EQ(check->records, 20u);
  EXPECT_EQ(check->filler_left, 0u);
}

TEST_F(HeadCheckTest, WhatWasCleanedAwayForGoodIsNamed) {
  Replica({TestBatch(0, 10)}, 20);
  EXPECT_EQ(Check().status().code(), Code::kOffsetMismatch);
  EXPECT_THAT(Check().status().message(), HasSubstr("offset 10 was cleaned away"));
}

// Its log ends early, and so do its answers.
TEST_F(HeadCheckTest, AReplicaThatLagsHasLostNothing) {
  Replica({TestBatch(0, 10)}, 10);
  Status status = Check().status();
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_TRUE(status.retryable());
  EXPECT_THAT(status.message(), HasSubstr("has to catch up"));
}

}  // namespace
}  // namespace maxbrod::engine
