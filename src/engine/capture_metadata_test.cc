#include "engine/capture_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kafka/admin.h"
#include "kafka/errors.h"
#include "kafka/fake_broker_testing.h"
#include "kafka/messages/describe_acls.h"
#include "kafka/messages/describe_client_quotas.h"
#include "kafka/messages/describe_configs.h"
#include "kafka/messages/describe_quorum.h"
#include "kafka/messages/describe_user_scram_credentials.h"

namespace maxbrod::engine {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

CapturedCluster Captured(kafka::FakeCluster& fake, std::vector<format::GroupSnapshot> groups = {}) {
  CapturedCluster out;
  out.groups = std::move(groups);
  auto cluster = kafka::Cluster::Connect(fake.config(), {});
  MB_CHECK(cluster.ok());
  Status status = CaptureShareGroups(**cluster, {}, &out);
  EXPECT_TRUE(status.ok()) << status.ToString();
  status = CaptureMetadata(**cluster, {}, &out);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return out;
}

std::map<std::string, std::string> Missing(const CapturedCluster& captured) {
  std::map<std::string, std::string> out;
  for (const auto& missing : captured.metadata.missing()) out[missing.part()] = missing.reason();
  return out;
}

std::vector<std::string> Names(const std::map<std::string, std::string>& missing) {
  std::vector<std::string> out;
  for (const auto& [name, reason] : missing) out.push_back(name);
  return out;
}

format::GroupSnapshot Group(const std::string& name, const std::string& type) {
  format::GroupSnapshot group;
  group.set_group(name);
  group.set_type(type);
  return group;
}

TEST(CaptureMetadataTest, EveryPartIsThere) {
  kafka::FakeCluster fake({.brokers = 2});
  fake.With([](kafka::FakeWorld& world) {
    world.AddTopic("t", 3, 2);
    world.acls.insert({2, "t", 3, "User:a", "*", 3, 3});
    world.quotas[{{"client-id", std::nullopt}, {"user", "a"}}]["producer_byte_rate"] = 12.5;
    world.scram_users["a"] = {{2, 8192}};
    world.resource_configs[{4, ""}]["message.max.bytes"] = "7";
    world.resource_configs[{16, "m"}]["interval.ms"] = "9";
    world.resource_configs[{32, "g"}]["x"] = "1";
    world.resource_configs[{32, "other"}]["x"] = "2";
  });
  CapturedCluster captured = Captured(fake, {Group("g", "classic")});
  const format::ClusterMetadata& metadata = captured.metadata;
  EXPECT_TRUE(metadata.captured());
  EXPECT_TRUE(Missing(captured).empty()) << metadata.DebugString();
  ASSERT_EQ(metadata.acls_size(), 1);
  EXPECT_EQ(metadata.acls(0).principal(), "User:a");
  ASSERT_EQ(metadata.quotas_size(), 1);
  EXPECT_TRUE(metadata.quotas(0).entities(0).is_default());
  EXPECT_EQ(metadata.quotas(0).values(0).value(), 12.5);
  EXPECT_EQ(metadata.scram_users(0).credentials(0).iterations(), 8192);
  ASSERT_EQ(captured.groups[0].configs_size(), 1);  // a group that is there keeps its own
  EXPECT_EQ(metadata.configs_size(), 3);            // all brokers, the other group, the metrics
  EXPECT_EQ(metadata.features(0).finalized(), 29);
  EXPECT_EQ(metadata.quorum_size(), 2);
  ASSERT_EQ(metadata.log_dirs_size(), 2);
  EXPECT_EQ(metadata.log_dirs(0).replicas() + metadata.log_dirs(1).replicas(), 3u);
  EXPECT_EQ(metadata.log_dirs(0).total_bytes(), 1 << 30);
}

TEST(CaptureMetadataTest, WhatTheClusterLacksIsListedWithItsReason) {
  kafka::FakeCluster fake({.release = kafka::FakeRelease::kServerless});
  auto missing = Missing(Captured(fake, {Group("g", "classic"), Group("s", "Share")}));
  EXPECT_THAT(Names(missing), UnorderedElementsAre(part::kAcls, part::kQuotas, part::kScramUsers,
                                                   part::kClientMetrics, part::kShareGroups,
                                                   part::kQuorum, part::kLogDirs));
  EXPECT_THAT(missing[part::kQuorum], HasSubstr("DescribeQuorum"));
}

TEST(CaptureMetadataTest, RefusalsNameTheRightThatIsNeeded) {
  kafka::FakeCluster fake;
  fake.With([](kafka::FakeWorld& world) {
    constexpr int16_t kRefused = kafka::error::kClusterAuthorizationFailed;
    world.refusals[kafka::DescribeAclsRequest::kApi.key] = kafka::kSecurityDisabled;
    world.refusals[kafka::DescribeClientQuotasRequest::kApi.key] = kRefused;
    world.refusals[kafka::DescribeUserScramCredentialsRequest::kApi.key] = kRefused;
    world.refusals[kafka::DescribeQuorumRequest::kApi.key] = kRefused;
  });
  CapturedCluster captured = Captured(fake);
  auto missing = Missing(captured);
  EXPECT_THAT(Names(missing),
              UnorderedElementsAre(part::kAcls, part::kQuotas, part::kScramUsers, part::kQuorum));
  EXPECT_THAT(missing[part::kAcls], HasSubstr("no authorizer"));
  EXPECT_EQ(captured.metadata.missing(0).kafka_error(), kafka::kSecurityDisabled);
  EXPECT_THAT(missing[part::kQuotas], HasSubstr("needs DescribeConfigs on Cluster"));
  EXPECT_THAT(missing[part::kScramUsers], HasSubstr("needs Describe on Cluster"));
}

TEST(CaptureMetadataTest, ManyGroupsAreFewRequests) {
  kafka::FakeCluster fake;
  std::vector<format::GroupSnapshot> groups;
  fake.With([&](kafka::FakeWorld& world) {
    for (int i = 0; i < 1500; ++i) {
      groups.push_back(Group("g" + std::to_string(i), "consumer"));
      world.resource_configs[{32, groups.back().group()}]["x"] = "1";
    }
  });
  CapturedCluster captured = Captured(fake, groups);
  for (const auto& group : captured.groups) EXPECT_EQ(group.configs_size(), 1);
  EXPECT_LE(fake.Seen(kafka::DescribeConfigsRequest::kApi.key), 5);
}

TEST(CaptureMetadataTest, AStoppedRunIsAnError) {
  kafka::FakeCluster fake;
  auto cluster = kafka::Cluster::Connect(fake.config(), {});
  ASSERT_TRUE(cluster.ok());
  std::stop_source stop;
  stop.request_stop();
  CapturedCluster out;
  Status status = CaptureMetadata(**cluster, {Deadline::Never(), stop.get_token()}, &out);
  EXPECT_EQ(status.code(), Code::kCancelled);
}

}  // namespace
}  // namespace maxbrod::engine
