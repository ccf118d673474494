// What a target has and takes, asked of fake brokers: those of a serverless cluster, above all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/plan_limits.h"
#include "engine/restore_topics.h"
#include "engine/target_abilities.h"
#include "engine/target_configs.h"
#include "kafka/errors.h"
#include "kafka/fake_broker_testing.h"
#include "kafka/messages/create_topics.h"
#include "kafka/messages/describe_configs.h"

namespace maxbrod::engine {
namespace {

using aws::LimitsOf;
using aws::MskKind;
using kafka::FakeCluster;
using kafka::FakeEdit;
using kafka::FakeRelease;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Target {
 public:
  explicit Target(FakeRelease release, Millis patience = Millis(30'000))
      : fake({.release = release}) {
    auto config = fake.config();
    config.api_timeout = patience;
    auto connected = kafka::Cluster::Connect(config, {});
    MB_CHECK(connected.ok());
    cluster = std::move(connected).value();
  }

  FakeCluster fake;
  std::unique_ptr<kafka::Cluster> cluster;
};

PlannedTopic Topic(const std::string& name, size_t partitions, const std::string& policy) {
  PlannedTopic topic;
  topic.source = topic.target = name;
  topic.partitions.resize(partitions);
  topic.configs.push_back({"cleanup.policy", policy, ""});
  return topic;
}

TEST(TargetAbilities, LogStartsAreAskedFor) {
  NeededAbilities needed;
  needed.log_starts = true;
  Target stock(FakeRelease::k43);
  auto has = ProbeTarget(*stock.cluster, needed, MarkerMeans::kNone, {});
  ASSERT_TRUE(has.ok()) << has.status().ToString();
  EXPECT_TRUE(has->log_starts);
  Target serverless(FakeRelease::kServerless);
  auto lacks = ProbeTarget(*serverless.cluster, needed, MarkerMeans::kNone, {});
  ASSERT_TRUE(lacks.ok()) << lacks.status().ToString();
  EXPECT_FALSE(lacks->log_starts);
  EXPECT_THAT(lacks->why_no_log_starts, HasSubstr("does not have DeleteRecords"));
}

TEST(TargetAbilities, MarkersOfServerlessAreMadeByEndingTransactions) {
  NeededAbilities needed;
  needed.markers = true;
  Target serverless(FakeRelease::kServerless);
  auto abilities = ProbeTarget(*serverless.cluster, needed, MarkerMeans::kNone, {});
  ASSERT_TRUE(abilities.ok()) << abilities.status().ToString();
  EXPECT_EQ(abilities->markers, MarkerMeans::kEndTxn);
}

TEST(TargetDefaults, AreTheDocumentedOnesWhereBrokersHideTheirs) {
  Target target(FakeRelease::kServerless);
  target.fake.ControlKey(kafka::DescribeConfigsRequest::kApi.key,
                         FakeEdit<kafka::DescribeConfigsResponse>([](auto& response) {
                           response.results[0].error_code =
                               kafka::error::kClusterAuthorizationFailed;
                           response.results[0].configs.clear();
                         }));
  auto limits = LimitsOf(MskKind::kServerless);
  auto defaults = ReadTopicDefaults(*target.cluster, &limits, {});
  ASSERT_TRUE(defaults.ok()) << defaults.status().ToString();
  EXPECT_EQ(defaults->at("retention.bytes"), "268435456000");
  EXPECT_EQ(defaults->at("retention.ms"), "604800000");
  EXPECT_EQ(defaults->at("min.insync.replicas"), "1");
  // Nowhere else are they guessed.
  auto express = LimitsOf(MskKind::kExpress);
  for (const aws::MskLimits* other : {static_cast<const aws::MskLimits*>(nullptr),
                                      static_cast<const aws::MskLimits*>(&express)}) {
    Status refused = ReadTopicDefaults(*target.cluster, other, {}).status();
    EXPECT_EQ(refused.code(), Code::kPermission);
    EXPECT_THAT(refused.hint(), HasSubstr("DescribeConfigs on Cluster"));
  }
}

TEST(TargetDefaults, WhatBrokersShowWins) {
  Target target(FakeRelease::kServerless);
  target.fake.With([](kafka::FakeWorld& world) {
    world.config_defaults = {{"log.retention.bytes", "1000"}, {"log.retention.hours", "2"}};
  });
  auto limits = LimitsOf(MskKind::kServerless);
  auto defaults = ReadTopicDefaults(*target.cluster, &limits, {});
  ASSERT_TRUE(defaults.ok()) << defaults.status().ToString();
  EXPECT_EQ(defaults->at("retention.bytes"), "1000");
  EXPECT_EQ(defaults->at("retention.ms"), "7200000");
  EXPECT_EQ(defaults->at("max.message.bytes"), "1048588");
}

TEST(MskPlan, PartitionsBeyondTheQuotaAreToldOf) {
  auto limits = LimitsOf(MskKind::kServerless);
  kafka::ClusterMetadata metadata;
  metadata.topics["there"].partitions.resize(400);
  metadata.topics["__consumer_offsets"].internal = true;
  metadata.topics["__consumer_offsets"].partitions.resize(50);
  RestorePlan plan;
  plan.topics = {Topic("a", 2000, "delete"), Topic("b", 120, "compact")};
  CheckMskLimits(limits, metadata, {}, &plan);
  EXPECT_THAT(plan.warnings, IsEmpty());
  plan.topics.push_back(Topic("c", 1, "delete"));
  plan.topics.push_back(Topic("d", 1, "compact,delete"));
  CheckMskLimits(limits, metadata, {}, &plan);
  EXPECT_THAT(plan.warnings,
              ElementsAre(HasSubstr("2401 partitions of topics that are not compacted"),
                          HasSubstr("121 partitions of compacted topics")));
  EXPECT_TRUE(plan.Refusal().ok());
  // What is there is not counted twice, and other kinds have no such quota.
  plan.warnings.clear();
  plan.topics[2].exists = plan.topics[3].exists = true;
  CheckMskLimits(limits, metadata, {}, &plan);
  plan.topics[2].exists = plan.topics[3].exists = false;
  CheckMskLimits(LimitsOf(MskKind::kExpress), metadata, {}, &plan);
  EXPECT_THAT(plan.warnings, IsEmpty());
}

TEST(MskPlan, BatchesThatNobodyTakesAreRefused) {
  RestorePlan plan;
  plan.topics = {Topic("big", 1, "delete")};
  plan.topics[0].largest_batch = 8'388'608;
  CheckMskLimits(LimitsOf(MskKind::kServerless), {}, {}, &plan);
  EXPECT_TRUE(plan.Refusal().ok());
  plan.topics[0].largest_batch = 8'388'609;
  CheckMskLimits(LimitsOf(MskKind::kProvisioned), {}, {}, &plan);
  EXPECT_TRUE(plan.Refusal().ok());
  CheckMskLimits(LimitsOf(MskKind::kServerless), {}, {}, &plan);
  EXPECT_EQ(plan.Refusal().code(), Code::kUnsupported);
  EXPECT_THAT(plan.Refusal().message(), HasSubstr("a batch of 8388609 bytes"));
}

TEST(TopicSetup, AQuotaOnPartitionsIsWaitedOut) {
  Target target(FakeRelease::kServerless, Millis(100));
  FakeClock clock;
  // Used up until somebody has waited.
  target.fake.ControlKey(kafka::CreateTopicsRequest::kApi.key,
                         FakeEdit<kafka::CreateTopicsResponse>([&](auto& r) {
                           for (auto& topic : r.topics) {
                             if (clock.MonotonicNanos() == 0) {
                               topic.error_code = kafka::error::kThrottlingQuotaExceeded;
                             } else if (topic.error_code == kafka::error::kTopicAlreadyExists) {
                               topic.error_code = 0;  // the fake made it although it said no
                             }
                           }
                         }));
  Progress progress;
  CallContext context;
  TopicSetup setup(*target.cluster, clock, progress, context);
  RestorePlan plan;
  plan.topics = {Topic("a", 1, "delete"), Topic("b", 2, "delete")};
  Status created = setup.Create(plan, {"a", "b"});
  EXPECT_TRUE(created.ok()) << created.ToString();
  EXPECT_GT(clock.MonotonicNanos(), 0);
  EXPECT_EQ(setup.ids().size(), 2u);
}

}  // namespace
}  // namespace maxbrod::engine
