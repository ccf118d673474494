#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kafka/cluster.h"
#include "kafka/errors.h"
#include "kafka/fake_broker_testing.h"
#include "kafka/messages/all.h"

namespace maxbrod::kafka {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Millis kRetention{90LL * 86'400'000};

class GroupsTest : public testing::Test {
 protected:
  GroupsTest() : fake_({.brokers = 3}) {
    fake_.With([](FakeWorld& world) {
      world.AddTopic("t", 2, 3);
      FakeGroup& classic = world.groups["classic"];
      classic.coordinator = 2;
      classic.offsets[{"t", 0}] = {"t", 0, 41, -1, "meta", 0};
      classic.offsets[{"t", 1}] = {"t", 1, -1, -1, "", 0};
      FakeGroup& modern = world.groups["modern"];
      modern.coordinator = 3;
      modern.type = "consumer";
      modern.state = "Stable";
      modern.members = {"m-1", "m-2"};
      FakeGroup& share = world.groups["share"];
      share.type = "share";
    });
    auto cluster = Cluster::Connect(fake_.config(), {});
    MB_CHECK(cluster.ok());
    cluster_ = std::move(cluster).value();
  }

  FakeCluster fake_;
  std::unique_ptr<Cluster> cluster_;
};

TEST_F(GroupsTest, EveryBrokerIsAskedForItsGroups) {
  auto groups = cluster_->ListGroups({});
  ASSERT_TRUE(groups.ok()) << groups.status().ToString();
  ASSERT_THAT(*groups, SizeIs(3));
  EXPECT_EQ((*groups)[0].group, "classic");
  EXPECT_EQ((*groups)[1].type, "consumer");
  for (int32_t broker = 1; broker <= 3; ++broker) {
    EXPECT_EQ(fake_.Seen(ListGroupsRequest::kApi.key, broker), 1);
  }
}

TEST_F(GroupsTest, ABrokerThatLoadsItsGroupsIsAskedAgain) {
  fake_.Once(ListGroupsRequest::kApi.key, FakeEdit<ListGroupsResponse>([](auto& response) {
               response.error_code = error::kCoordinatorLoadInProgress;
               response.groups.clear();
             }));
  auto groups = cluster_->ListGroups({});
  ASSERT_TRUE(groups.ok());
  EXPECT_THAT(*groups, SizeIs(3));
}

TEST_F(GroupsTest, BothKindsAreDescribed) {
  auto groups = cluster_->ListGroups({});
  ASSERT_TRUE(groups.ok());
  auto described = cluster_->DescribeGroups(*groups, {});
  ASSERT_TRUE(described.ok()) << described.status().ToString();
  ASSERT_THAT(*described, SizeIs(3));
  EXPECT_THAT((*described)[0].members, IsEmpty());
  EXPECT_EQ((*described)[0].state, "Empty");
  EXPECT_THAT((*described)[1].members,
              testing::ElementsAre("m-1 (client, /127.0.0.1)", "m-2 (client, /127.0.0.1)"));
  EXPECT_EQ((*described)[1].protocol, "uniform");
  for (const auto& group : *described) EXPECT_TRUE(group.status.ok()) << group.status.ToString();
}

TEST_F(GroupsTest, OffsetsComeFromTheCoordinatorAndNothingCommittedIsLeftOut) {
  auto offsets = cluster_->FetchGroupOffsets({"classic", "never-seen"}, {});
  ASSERT_TRUE(offsets.ok()) << offsets.status().ToString();
  ASSERT_TRUE(offsets->at("classic").ok());
  ASSERT_THAT(*offsets->at("classic"), SizeIs(1));
  EXPECT_EQ((*offsets->at("classic"))[0].offset, 41);
  EXPECT_EQ((*offsets->at("classic"))[0].metadata, "meta");
  EXPECT_THAT(*offsets->at("never-seen"), IsEmpty());
  EXPECT_EQ(fake_.Seen(OffsetFetchRequest::kApi.key, 2), 1);
}

TEST_F(GroupsTest, ACoordinatorIsRememberedAndFoundAgainWhenItMoved) {
  ASSERT_TRUE(cluster_->FetchGroupOffsets({"classic"}, {}).ok());
  ASSERT_TRUE(cluster_->FetchGroupOffsets({"classic"}, {}).ok());
  EXPECT_EQ(fake_.Seen(FindCoordinatorRequest::kApi.key), 1);
  fake_.With([](FakeWorld& world) { world.groups["classic"].coordinator = 1; });
  auto offsets = cluster_->FetchGroupOffsets({"classic"}, {});
  ASSERT_TRUE(offsets.ok());
  ASSERT_TRUE(offsets->at("classic").ok()) << offsets->at("classic").status().ToString();
  EXPECT_THAT(*offsets->at("classic"), SizeIs(1));
  EXPECT_EQ(fake_.Seen(FindCoordinatorRequest::kApi.key), 2);
}

TEST_F(GroupsTest, ACoordinatorThatLoadsOrIsNotThereYetIsAskedAgain) {
  for (int16_t code : {error::kCoordinatorLoadInProgress, error::kCoordinatorNotAvailable,
                       error::kNotCoordinator}) {
    fake_.Once(OffsetFetchRequest::kApi.key, FakeEdit<OffsetFetchResponse>([code](auto& response) {
                 response.groups[0].error_code = code;
               }));
    auto offsets = cluster_->FetchGroupOffsets({"classic"}, {});
    ASSERT_TRUE(offsets.ok());
    EXPECT_TRUE(offsets->at("classic").ok());
    EXPECT_EQ(fake_.unused_controls(), 0u);
  }
}

TEST_F(GroupsTest, ACoordinatorThatDiedIsFoundAnew) {
  ASSERT_TRUE(cluster_->FetchGroupOffsets({"classic"}, {}).ok());
  fake_.Stop(2);
  fake_.With([](FakeWorld& world) { world.groups["classic"].coordinator = 3; });
  auto offsets = cluster_->FetchGroupOffsets({"classic"}, {});
  ASSERT_TRUE(offsets.ok()) << offsets.status().ToString();
  EXPECT_TRUE(offsets->at("classic").ok());
}

TEST_F(GroupsTest, OneGroupThatMayNotBeReadDoesNotHideTheOthers) {
  fake_.Once(OffsetFetchRequest::kApi.key, FakeEdit<OffsetFetchResponse>([](auto& response) {
               response.groups[0].error_code = error::kGroupAuthorizationFailed;
             }));
  auto offsets = cluster_->FetchGroupOffsets({"classic", "modern"}, {});
  ASSERT_TRUE(offsets.ok());
  int refused = 0;
  for (const auto& [group, result] : *offsets) {
    if (result.ok()) continue;
    ++refused;
    EXPECT_EQ(result.status().code(), Code::kPermission);
    EXPECT_THAT(result.status().hint(), HasSubstr("Describe on Group " + group));
  }
  EXPECT_EQ(refused, 1);
}

TEST_F(GroupsTest, CommitsWithRetention) {
  auto retained = cluster_->CommitGroupOffsets(
      "fresh", {{"t", 0, 7, -1, "a", 0}, {"t", 1, 8, -1, "", 0}}, kRetention, {});
  ASSERT_TRUE(retained.ok()) << retained.status().ToString();
  EXPECT_TRUE(*retained);
  fake_.With([](FakeWorld& world) {
    FakeGroup& group = world.groups.at("fresh");
    EXPECT_EQ(group.retention_ms, kRetention.count());
    EXPECT_EQ(group.offsets.at({"t", 0}).offset, 7);
    EXPECT_EQ(group.offsets.at({"t", 1}).offset, 8);
  });
}

TEST_F(GroupsTest, BigCommitsGoInPieces) {
  std::vector<CommittedOffset> offsets;
  fake_.With([](FakeWorld& world) { world.AddTopic("wide", 10, 3); });
  for (int32_t i = 0; i < 500; ++i)
    offsets.push_back({"wide", i, i, -1, std::string(2000, 'x'), 0});
  ASSERT_TRUE(cluster_->CommitGroupOffsets("fresh", offsets, kRetention, {}).ok());
  EXPECT_GE(fake_.Seen(OffsetCommitRequest::kApi.key), 4);
  fake_.With([](FakeWorld& world) { EXPECT_THAT(world.groups.at("fresh").offsets, SizeIs(500)); });
}

TEST_F(GroupsTest, AGroupWithMembersIsRefusedNamingThem) {
  Status status =
      cluster_->CommitGroupOffsets("modern", {{"t", 0, 7, -1, "", 0}}, kRetention, {}).status();
  EXPECT_EQ(status.code(), Code::kConflict);
  EXPECT_FALSE(status.retryable());
  EXPECT_THAT(status.message(), HasSubstr("m-1 (client, /127.0.0.1), m-2"));
}

TEST_F(GroupsTest, ProducerIdsAndTheRightToWriteMarkers) {
  auto one = cluster_->InitProducerId({});
  auto two = cluster_->InitProducerId({});
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_NE(one->first, two->first);
  EXPECT_TRUE(cluster_->ProbeWriteTxnMarkers({}).ok());
  fake_.With([](FakeWorld& world) { world.markers_allowed = false; });
  Status refused = cluster_->ProbeWriteTxnMarkers({});
  EXPECT_EQ(refused.code(), Code::kPermission);
  EXPECT_THAT(refused.hint(), HasSubstr("Alter"));
}

// Few versions, and none of DeleteRecords, WriteTxnMarkers, DescribeLogDirs.
TEST(Serverless, WhatIsAnnouncedIsEnough) {
  FakeCluster fake({.brokers = 2, .release = FakeRelease::kServerless});
  auto cluster = Cluster::Connect(fake.config(), {});
  ASSERT_TRUE(cluster.ok()) << cluster.status().ToString();
  auto created =
      (*cluster)->CreateTopics({{"t", 2, 1, {{"cleanup.policy", "compact"}}}}, false, {});
  ASSERT_TRUE(created.ok()) << created.status().ToString();
  EXPECT_TRUE(created->at("t").status.ok()) << created->at("t").status.ToString();
  auto altered = (*cluster)->AlterTopicConfigs({{"t", {{"retention.ms", "-1"}}}}, false, {});
  ASSERT_TRUE(altered.ok()) << altered.status().ToString();
  EXPECT_TRUE((*cluster)->DescribeTopicConfigs({"t"}, {}).ok());
  EXPECT_TRUE((*cluster)->Refresh({}).ok());
  EXPECT_TRUE((*cluster)->ListOffsets({{{"t", 0}, kLatest}}, Isolation::kReadCommitted, {}).ok());
  EXPECT_TRUE((*cluster)->OffsetsForLeaderEpoch({{{"t", 0}, 0}}, {}).ok());
  EXPECT_TRUE((*cluster)->InitProducerId({}).ok());
  EXPECT_EQ((*cluster)->ProbeDeleteRecords({}).code(), Code::kUnsupported);
  EXPECT_EQ((*cluster)->ProbeWriteTxnMarkers({}).code(), Code::kUnsupported);
  EXPECT_EQ((*cluster)->DescribeLogDirs({}).status().code(), Code::kUnsupported);

  // Commits have no retention of their own in its versions.
  auto retained =
      (*cluster)->CommitGroupOffsets("g", {{"t", 0, 7, -1, "a", 0}}, Millis(1'000'000), {});
  ASSERT_TRUE(retained.ok()) << retained.status().ToString();
  EXPECT_FALSE(*retained);
  auto groups = (*cluster)->ListGroups({});
  ASSERT_TRUE(groups.ok()) << groups.status().ToString();
  ASSERT_THAT(*groups, SizeIs(1));
  EXPECT_TRUE((*cluster)->DescribeGroups(*groups, {}).ok());
  auto offsets = (*cluster)->FetchGroupOffsets({"g"}, {});
  ASSERT_TRUE(offsets.ok()) << offsets.status().ToString();
  ASSERT_TRUE(offsets->at("g").ok());
  EXPECT_EQ(offsets->at("g")->at(0).offset, 7);
}

TEST_F(GroupsTest, DeleteRecordsIsThere) {
  EXPECT_TRUE(cluster_->ProbeDeleteRecords({}).ok());
}

TEST_F(GroupsTest, LogDirsOfAllBrokers) {
  fake_.With([](FakeWorld& world) { world.At({"t", 0}).Append(FakeBatch(3)); });
  auto dirs = cluster_->DescribeLogDirs({});
  ASSERT_TRUE(dirs.ok()) << dirs.status().ToString();
  EXPECT_THAT(dirs->second, SizeIs(3));
  ASSERT_THAT(dirs->first, SizeIs(2));
  EXPECT_GT(dirs->first[0].size, 100);
  EXPECT_EQ(dirs->second[0].total, 1 << 30);
}

}  // namespace
}  // namespace maxbrod::kafka
