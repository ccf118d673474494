#include "kafka/cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "kafka/errors.h"
#include "kafka/fake_broker_testing.h"
#include "kafka/messages/all.h"

namespace maxbrod::kafka {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ClusterTest : public testing::Test {
 protected:
  void Start(FakeOptions options = {}) {
    fake_ = std::make_unique<FakeCluster>(std::move(options));
    fake_->With([&](FakeWorld& world) { world.AddTopic("t", 3, options.brokers); });
    Connect(fake_->config());
  }
  void Connect(const ClientConfig& config) {
    cluster_.reset();
    auto cluster = Cluster::Connect(config, {});
    ASSERT_TRUE(cluster.ok()) << cluster.status().ToString();
    cluster_ = std::move(cluster).value();
  }
  void World(const std::function<void(FakeWorld&)>& use) { fake_->With(use); }
  template <typename Request>
  int Seen(std::optional<int32_t> broker = std::nullopt) {
    return fake_->Seen(Request::kApi.key, broker);
  }
  template <typename Request>
  void Once(FakeControl control) {
    fake_->Once(Request::kApi.key, std::move(control));
  }
  // The next answer to ListOffsets carries this error in every partition.
  void FailListOffsets(int16_t code) {
    Once<ListOffsetsRequest>(FakeEdit<ListOffsetsResponse>([code](auto& response) {
      for (auto& topic : response.topics) {
        for (auto& p : topic.partitions) p.error_code = code;
      }
    }));
  }
  Result<PerPartition<ListedOffset>> Ends(CallContext context = {}) {
    return cluster_->ListOffsets({{{"t", 0}, kLatest}, {{"t", 1}, kLatest}, {{"t", 2}, kLatest}},
                                 Isolation::kReadCommitted, context);
  }

  std::unique_ptr<FakeCluster> fake_;
  std::unique_ptr<Cluster> cluster_;
};

TEST_F(ClusterTest, MetadataOfAllTopics) {
  Start({.brokers = 3});
  auto metadata = cluster_->metadata();
  EXPECT_EQ(metadata->cluster_id, "fake");
  EXPECT_EQ(metadata->controller, BrokerId(1));
  ASSERT_THAT(metadata->brokers, SizeIs(3));
  EXPECT_EQ(metadata->brokers.at(BrokerId(2)).rack, "rack-2");
  ASSERT_TRUE(metadata->topics.contains("t"));
  EXPECT_THAT(metadata->topics.at("t").partitions, SizeIs(3));
  EXPECT_FALSE(metadata->topics.at("t").id.id.IsZero());
  EXPECT_EQ(cluster_->LeaderOf({"t", 1}), BrokerId(2));
  EXPECT_EQ(cluster_->LeaderOf({"t", 7}), BrokerId(-1));
  EXPECT_EQ(cluster_->LeaderOf({"u", 0}), BrokerId(-1));
}

TEST_F(ClusterTest, RefreshTopicsMergesAndForgetsWhatIsGone) {
  Start();
  World([](FakeWorld& world) {
    world.AddTopic("u", 1);
    world.AddTopic("v", 1);
  });
  auto metadata = cluster_->RefreshTopics({"u"}, {});
  ASSERT_TRUE(metadata.ok());
  EXPECT_TRUE((*metadata)->topics.contains("t"));
  EXPECT_TRUE((*metadata)->topics.contains("u"));
  EXPECT_FALSE((*metadata)->topics.contains("v"));
  World([](FakeWorld& world) { world.topics.erase("u"); });
  metadata = cluster_->RefreshTopics({"u"}, {});
  ASSERT_TRUE(metadata.ok());
  EXPECT_FALSE((*metadata)->topics.contains("u"));
  ASSERT_TRUE(cluster_->Refresh({}).ok());
  EXPECT_TRUE(cluster_->metadata()->topics.contains("v"));
}

TEST_F(ClusterTest, AnyBootstrapServerWillDo) {
  Start({.brokers = 3});
  fake_->Stop(1);
  fake_->Stop(2);
  Connect(fake_->config());
  EXPECT_THAT(cluster_->metadata()->brokers, SizeIs(1));
}

TEST_F(ClusterTest, NobodyThere) {
  Start();
  fake_->Stop(1);
  ClientConfig config = fake_->config();
  config.connect_timeout = Millis(200);
  auto cluster = Cluster::Connect(config, {});
  ASSERT_FALSE(cluster.ok());
  EXPECT_EQ(cluster.status().code(), Code::kUnavailable);
  EXPECT_THAT(cluster.status().message(), HasSubstr(fake_->address(1).ToString()));
  EXPECT_THAT(cluster.status().message(), HasSubstr("gave up after"));
  EXPECT_FALSE(Cluster::Connect(ClientConfig(), {}).ok());
}

TEST_F(ClusterTest, EachLeaderIsAskedOnce) {
  Start({.brokers = 3});
  World([](FakeWorld& world) { world.At({"t", 1}).Append(FakeBatch(5)); });
  auto ends = Ends();
  ASSERT_TRUE(ends.ok()) << ends.status().ToString();
  EXPECT_EQ((*ends)[(TopicPartition{"t", 0})].offset, 0);
  EXPECT_EQ((*ends)[(TopicPartition{"t", 1})].offset, 5);
  for (int32_t broker = 1; broker <= 3; ++broker) EXPECT_EQ(Seen<ListOffsetsRequest>(broker), 1);
}

TEST_F(ClusterTest, RetriableErrorsAreRetried) {
  Start();
  for (int16_t code :
       {error::kNotLeaderOrFollower, error::kLeaderNotAvailable, error::kUnknownTopicOrPartition,
        error::kFencedLeaderEpoch, error::kUnknownLeaderEpoch, error::kOffsetNotAvailable,
        error::kRequestTimedOut, error::kKafkaStorageError}) {
    SCOPED_TRACE(ErrorName(code));
    FailListOffsets(code);
    auto ends = Ends();
    ASSERT_TRUE(ends.ok()) << ends.status().ToString();
    for (const auto& [tp, end] : *ends) EXPECT_EQ(end.error, 0);
    EXPECT_EQ(fake_->unused_controls(), 0u);
  }
}

TEST_F(ClusterTest, OtherErrorsStandInTheResultAtOnce) {
  Start();
  for (int16_t code :
       {error::kTopicAuthorizationFailed, error::kOffsetOutOfRange, int16_t{-1}, int16_t{4711}}) {
    int before = Seen<ListOffsetsRequest>();
    FailListOffsets(code);
    auto ends = Ends();
    ASSERT_TRUE(ends.ok());
    for (const auto& [tp, end] : *ends) EXPECT_EQ(end.error, code);
    EXPECT_EQ(Seen<ListOffsetsRequest>(), before + 1);
  }
}

TEST_F(ClusterTest, ALeaderThatMovedIsFound) {
  Start({.brokers = 2});
  World([](FakeWorld& world) {
    for (int32_t i = 0; i < 3; ++i) world.At({"t", i}).leader = 2;
  });
  auto ends = Ends();
  ASSERT_TRUE(ends.ok());
  for (const auto& [tp, end] : *ends) EXPECT_EQ(end.error, 0);
  EXPECT_EQ(cluster_->LeaderOf({"t", 0}), BrokerId(2));
}

TEST_F(ClusterTest, ALeaderThatDiedIsFollowedToTheNext) {
  Start({.brokers = 2});
  ASSERT_TRUE(Ends().ok());
  fake_->Stop(1);
  World([](FakeWorld& world) {
    for (int32_t i = 0; i < 3; ++i) world.At({"t", i}).leader = 2;
  });
  auto ends = Ends();
  ASSERT_TRUE(ends.ok()) << ends.status().ToString();
  for (const auto& [tp, end] : *ends) EXPECT_EQ(end.error, 0);
}

TEST_F(ClusterTest, AConnectionClosedForIdlenessIsReplacedSilently) {
  Start();
  ASSERT_TRUE(Ends().ok());
  int before = Seen<MetadataRequest>();
  fake_->CloseConnections(1);
  ASSERT_TRUE(Ends().ok());
  EXPECT_EQ(Seen<MetadataRequest>(), before) << "no retry with a metadata refresh was needed";
}

TEST_F(ClusterTest, LostAndTornAnswersAreTriedAgain) {
  Start();
  for (size_t bytes : std::vector<size_t>{0, 2, 4, 7, 30}) {
    Once<ListOffsetsRequest>(FakeHangUp(bytes));
    Once<ListOffsetsRequest>(FakeHangUp(bytes));  // the fresh connection too
    auto ends = Ends();
    ASSERT_TRUE(ends.ok()) << ends.status().ToString();
    EXPECT_EQ(fake_->unused_controls(), 0u);
  }
}

TEST_F(ClusterTest, ALieIsNotTriedAgain) {
  Start();
  Once<ListOffsetsRequest>(FakeWrongCorrelationId());
  auto ends = Ends();
  EXPECT_EQ(ends.status().code(), Code::kProtocol);
  Once<ListOffsetsRequest>(
      FakeEdit<ListOffsetsResponse>([](auto& response) { response.topics.clear(); }));
  ends = Ends();
  EXPECT_EQ(ends.status().code(), Code::kProtocol);
  EXPECT_THAT(ends.status().message(), HasSubstr("left out t-0"));
}

TEST_F(ClusterTest, TheDeadlineEndsRetriesWithWhatIsKnown) {
  Start();
  fake_->ControlKey(ListOffsetsRequest::kApi.key, FakeEdit<ListOffsetsResponse>([](auto& response) {
                      response.topics[0].partitions[0].error_code = error::kNotLeaderOrFollower;
                    }));
  auto ends = Ends({Deadline::After(Millis(200)), {}});
  ASSERT_TRUE(ends.ok()) << ends.status().ToString();
  EXPECT_EQ((*ends)[(TopicPartition{"t", 1})].error, 0);
  EXPECT_EQ((*ends)[(TopicPartition{"t", 2})].error, 0);
  EXPECT_GT(Seen<ListOffsetsRequest>(), 2);
}

TEST_F(ClusterTest, WhenNothingIsLearnedThatIsAnError) {
  Start();
  fake_->ControlKey(ListOffsetsRequest::kApi.key, FakeHangUp());
  auto ends = Ends({Deadline::After(Millis(200)), {}});
  ASSERT_FALSE(ends.ok());
  EXPECT_EQ(ends.status().code(), Code::kUnavailable);
  EXPECT_THAT(ends.status().message(), HasSubstr("ListOffsets"));
}

TEST_F(ClusterTest, StoppingEndsTheWait) {
  Start();
  fake_->ControlKey(ListOffsetsRequest::kApi.key, FakeHangUp());
  std::stop_source stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(Millis(100));
    stop.request_stop();
  });
  EXPECT_EQ(Ends({Deadline::Never(), stop.get_token()}).status().code(), Code::kCancelled);
}

TEST_F(ClusterTest, AnUnknownTopicIsAskedForAFewSecondsOnly) {
  Start();
  auto ends =
      cluster_->ListOffsets({{{"t", 0}, kLatest}, {{"nope", 0}, kLatest}, {{"t", 9}, kLatest}},
                            Isolation::kReadCommitted, {});
  ASSERT_TRUE(ends.ok()) << ends.status().ToString();
  EXPECT_EQ((*ends)[(TopicPartition{"t", 0})].error, 0);
  EXPECT_EQ((*ends)[(TopicPartition{"nope", 0})].error, error::kUnknownTopicOrPartition);
  EXPECT_EQ((*ends)[(TopicPartition{"t", 9})].error, error::kUnknownTopicOrPartition);
}

TEST_F(ClusterTest, ManyPartitionsGoInSeveralRequests) {
  Start();
  World([](FakeWorld& world) { world.AddTopic("big", 4100); });
  ASSERT_TRUE(cluster_->Refresh({}).ok());
  PerPartition<int64_t> asked;
  for (int32_t i = 0; i < 4100; ++i) asked[{"big", i}] = kEarliest;
  auto starts = cluster_->ListOffsets(asked, Isolation::kReadUncommitted, {});
  ASSERT_TRUE(starts.ok());
  EXPECT_THAT(*starts, SizeIs(4100));
  EXPECT_EQ(Seen<ListOffsetsRequest>(), 3);
}

TEST_F(ClusterTest, BrokersOf28AreUnderstood) {
  Start({.brokers = 2, .release = FakeRelease::k28});
  EXPECT_TRUE(Ends().ok());
  auto newest = cluster_->ListOffsets({{{"t", 0}, kMaxTimestamp}}, Isolation::kReadCommitted, {});
  EXPECT_EQ(newest.status().code(), Code::kUnsupported) << "2.8 would take -3 for a time";
  World([](FakeWorld& world) { world.groups["g"].offsets[{"t", 0}] = {"t", 0, 5, -1, "m", 0}; });
  auto groups = cluster_->ListGroups({});
  ASSERT_TRUE(groups.ok());
  EXPECT_THAT(*groups, SizeIs(1));
  auto offsets = cluster_->FetchGroupOffsets({"g"}, {});
  ASSERT_TRUE(offsets.ok());
  ASSERT_TRUE(offsets->at("g").ok());
  EXPECT_EQ((*offsets->at("g"))[0].offset, 5);
  EXPECT_TRUE(cluster_->DeleteTopics({"t"}, {}).ok());
  EXPECT_TRUE(cluster_->TransactionCoordinator("x", {}).ok());
  EXPECT_TRUE(cluster_->DescribeLogDirs({}).ok());
}

TEST_F(ClusterTest, EpochsRecordsAndProducers) {
  Start();
  World([](FakeWorld& world) {
    FakePartition& p = world.At({"t", 0});
    p.Append(FakeBatch(10));
    p.leader_epoch = 2;
    p.Append(FakeBatch(5));
    p.producers.push_back({77, 1, 123, 4});
  });
  auto ends = cluster_->OffsetsForLeaderEpoch({{{"t", 0}, 0}}, {});
  ASSERT_TRUE(ends.ok());
  EXPECT_EQ(ends->begin()->second.end_offset, 10);
  EXPECT_EQ(ends->begin()->second.leader_epoch, 0);
  auto deleted = cluster_->DeleteRecords({{{"t", 0}, 3}, {{"t", 1}, 99}}, {});
  ASSERT_TRUE(deleted.ok());
  EXPECT_EQ(*deleted->at({"t", 0}), 3);
  EXPECT_EQ(deleted->at({"t", 1}).status().kafka_error(), error::kOffsetOutOfRange);
  EXPECT_THAT(deleted->at({"t", 1}).status().message(),
              HasSubstr("DeleteRecords of t-1 on broker 1"));
  auto producers = cluster_->DescribeProducers({{"t", 0}}, {});
  ASSERT_TRUE(producers.ok());
  EXPECT_EQ((*producers)[(TopicPartition{"t", 0})][0].current_txn_start_offset, 4);
}

TEST_F(ClusterTest, TopicsAreMadeByTheController) {
  Start({.brokers = 2});
  World([](FakeWorld& world) { world.controller = 2; });  // moved since the metadata was read
  NewTopic topic{"new", 4, -1, {{"cleanup.policy", "compact"}}};
  auto created = cluster_->CreateTopics({topic, {"t", 1, -1, {}}}, false, {});
  ASSERT_TRUE(created.ok()) << created.status().ToString();
  EXPECT_TRUE(created->at("new").status.ok()) << created->at("new").status.ToString();
  EXPECT_FALSE(created->at("new").id.id.IsZero());
  EXPECT_EQ(created->at("t").status.code(), Code::kAlreadyExists);
  World([](FakeWorld& world) {
    EXPECT_THAT(world.topics.at("new").partitions, SizeIs(4));
    EXPECT_EQ(world.topics.at("new").configs["cleanup.policy"], "compact");
  });
  auto deleted = cluster_->DeleteTopics({"new", "nope"}, {});
  ASSERT_TRUE(deleted.ok());
  EXPECT_TRUE(deleted->at("new").ok());
  EXPECT_EQ(deleted->at("nope").kafka_error(), error::kUnknownTopicOrPartition);
}

TEST_F(ClusterTest, Configs) {
  Start({.brokers = 2});
  auto altered =
      cluster_->AlterTopicConfigs({{"t", {{"retention.ms", "5"}, {"x", std::nullopt}}}}, false, {});
  ASSERT_TRUE(altered.ok());
  EXPECT_TRUE(altered->at("t").ok());
  for (BrokerId broker : {BrokerId(-1), BrokerId(2)}) {
    auto configs = broker.value() < 0 ? cluster_->DescribeTopicConfigs({"t"}, {})
                                      : cluster_->DescribeTopicConfigsOn(broker, {"t"}, {});
    ASSERT_TRUE(configs.ok()) << configs.status().ToString();
    ASSERT_THAT(configs->at("t"), SizeIs(2));
    EXPECT_EQ(configs->at("t")[0].name, "retention.ms");
    EXPECT_EQ(configs->at("t")[0].value, "5");
    EXPECT_EQ(configs->at("t")[0].source, ConfigSource::kTopic);
    EXPECT_EQ(configs->at("t")[1].source, ConfigSource::kDefault);
  }
  EXPECT_GE(Seen<DescribeConfigsRequest>(2), 1);
  EXPECT_TRUE(cluster_->DescribeBrokerConfigs(BrokerId(2), {}).ok());
  auto gone = cluster_->DescribeTopicConfigs({"t", "nope"}, {});
  ASSERT_TRUE(gone.ok());
  EXPECT_THAT(*gone, SizeIs(1)) << "a topic that is gone is left out";
}

TEST_F(ClusterTest, AMissingPermissionIsNamed) {
  Start();
  Once<DescribeConfigsRequest>(FakeEdit<DescribeConfigsResponse>(
      [](auto& response) { response.results[0].error_code = error::kTopicAuthorizationFailed; }));
  auto configs = cluster_->DescribeTopicConfigs({"t"}, {});
  ASSERT_FALSE(configs.ok());
  EXPECT_EQ(configs.status().code(), Code::kPermission);
  EXPECT_THAT(configs.status().hint(), HasSubstr("DescribeConfigs on Topic t"));
}

TEST_F(ClusterTest, SensitiveValuesAreLeftOut) {
  Start();
  Once<DescribeConfigsRequest>(FakeEdit<DescribeConfigsResponse>([](auto& response) {
    response.results[0].configs[0].is_sensitive = true;
    response.results[0].configs[1].config_source = 99;
  }));
  auto configs = cluster_->DescribeTopicConfigs({"t"}, {});
  ASSERT_TRUE(configs.ok());
  EXPECT_FALSE(configs->at("t")[0].value.has_value());
  EXPECT_EQ(configs->at("t")[1].source, ConfigSource::kUnknown) << "of a newer broker";
}

}  // namespace
}  // namespace maxbrod::kafka
