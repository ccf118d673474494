#include "kafka/admin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/hash.h"
#include "kafka/errors.h"
#include "kafka/fake_broker_testing.h"
#include "kafka/messages/alter_user_scram_credentials.h"
#include "kafka/messages/create_acls.h"
#include "kafka/messages/describe_acls.h"
#include "kafka/messages/describe_client_quotas.h"
#include "kafka/messages/describe_configs.h"
#include "kafka/messages/describe_quorum.h"

namespace maxbrod::kafka {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr int8_t kTopicResource = 2, kRead = 3, kAllow = 3;

Acl ReadBy(const std::string& principal, const std::string& topic) {
  return {kTopicResource, topic, 3, principal, "*", kRead, kAllow};
}

class AdminTest : public testing::Test {
 protected:
  explicit AdminTest(FakeRelease release = FakeRelease::k43)
      : fake_({.brokers = 2, .release = release}) {
    auto cluster = Cluster::Connect(fake_.config(), {});
    MB_CHECK(cluster.ok());
    cluster_ = std::move(cluster).value();
    admin_ = std::make_unique<Admin>(*cluster_);
  }
  void Refuse(int16_t api_key, int16_t error) {
    fake_.With([&](FakeWorld& world) { world.refusals[api_key] = error; });
  }

  FakeCluster fake_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<Admin> admin_;
};

TEST_F(AdminTest, AclsAreMadeOnceAndGoOnce) {
  std::vector<Acl> acls = {ReadBy("User:a", "t"), ReadBy("User:b", "t")};
  for (int run = 0; run < 2; ++run) {
    auto made = admin_->CreateAcls(acls, {});
    ASSERT_TRUE(made.ok()) << made.status().ToString();
    EXPECT_TRUE(made->at(0).ok() && made->at(1).ok());
    EXPECT_THAT(*admin_->DescribeAcls({}), ElementsAre(acls[0], acls[1]));
  }
  for (int run = 0; run < 2; ++run) {
    auto gone = admin_->DeleteAcls({acls[0]}, {});
    ASSERT_TRUE(gone.ok() && gone->at(0).ok());
    EXPECT_THAT(*admin_->DescribeAcls({}), ElementsAre(acls[1]));
  }
}

TEST_F(AdminTest, ManyAclsGoInFewRequestsAndAMovedControllerIsAskedAgain) {
  std::vector<Acl> acls;
  for (int i = 0; i < 1200; ++i) acls.push_back(ReadBy("User:a", "t" + std::to_string(i)));
  fake_.Once(CreateAclsRequest::kApi.key, FakeEdit<CreateAclsResponse>([](auto& response) {
               for (auto& result : response.results) result.error_code = error::kNotController;
             }));
  auto made = admin_->CreateAcls(acls, {});
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  for (const Status& status : *made) EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(admin_->DescribeAcls({})->size(), acls.size());
  EXPECT_EQ(fake_.Seen(CreateAclsRequest::kApi.key), 4);
}

TEST_F(AdminTest, NoAuthorizerIsToldFromOtherTrouble) {
  Refuse(DescribeAclsRequest::kApi.key, kSecurityDisabled);
  Status status = admin_->DescribeAcls({}).status();
  EXPECT_EQ(status.code(), Code::kUnsupported);
  EXPECT_EQ(status.kafka_error(), kSecurityDisabled);
}

TEST_F(AdminTest, TheRightThatIsMissingIsNamed) {
  Refuse(DescribeAclsRequest::kApi.key, error::kClusterAuthorizationFailed);
  Refuse(CreateAclsRequest::kApi.key, error::kClusterAuthorizationFailed);
  Refuse(DescribeClientQuotasRequest::kApi.key, error::kClusterAuthorizationFailed);
  Status described = admin_->DescribeAcls({}).status();
  EXPECT_EQ(described.code(), Code::kPermission);
  EXPECT_EQ(described.hint(), "the user needs Describe on Cluster");
  Status made = admin_->CreateAcls({ReadBy("User:a", "t")}, {})->at(0);
  EXPECT_EQ(made.code(), Code::kPermission);
  EXPECT_EQ(made.hint(), "the user needs Alter on Cluster");
  EXPECT_THAT(made.message(), HasSubstr("Allow Read on Topic t for User:a"));
  EXPECT_EQ(admin_->DescribeClientQuotas({}).status().hint(),
            "the user needs DescribeConfigs on Cluster");
}

TEST_F(AdminTest, QuotasAreToldApartByEntity) {
  QuotaEntity user = {{"user", "a"}}, all = {{"user", std::nullopt}};
  auto set = admin_->AlterClientQuotas(
      {{user, {{"producer_byte_rate", 5.5}}}, {all, {{"consumer_byte_rate", 7}}}}, false, {});
  ASSERT_TRUE(set.ok() && set->at(0).ok() && set->at(1).ok());
  EXPECT_THAT(admin_->DescribeClientQuotas({}).value(),
              ElementsAre(Pair(all, ElementsAre(Pair("consumer_byte_rate", 7))),
                          Pair(user, ElementsAre(Pair("producer_byte_rate", 5.5)))));
  auto validated = admin_->AlterClientQuotas({{user, {{"producer_byte_rate", 6}}}}, true, {});
  ASSERT_TRUE(validated.ok() && validated->at(0).ok());
  EXPECT_EQ(admin_->DescribeClientQuotas({})->at(user).at("producer_byte_rate"), 5.5);
}

// The broker takes one change per user in a request, and never sees the password.
TEST_F(AdminTest, ScramUsersAreSaltedHereAndChangedOneByOne) {
  std::vector<AlterUserScramCredentialsRequest> seen;
  fake_.ControlKey(AlterUserScramCredentialsRequest::kApi.key, [&](const FakeRequest& request) {
    seen.push_back(request.As<AlterUserScramCredentialsRequest>());
    return std::optional<FakeAction>();
  });
  fake_.With([](FakeWorld& world) { world.scram_users["gone"] = {{1, 4096}}; });
  auto done = admin_->AlterScramUsers({{"a", {1, 100}, "pencil"}, {"a", {2, 5000}, "pencil"}},
                                      {{"gone", 1}}, {});
  ASSERT_TRUE(done.ok()) << done.status().ToString();
  EXPECT_TRUE(done->at("a").ok() && done->at("gone").ok());
  auto users = admin_->DescribeScramUsers({});
  EXPECT_THAT(users->at("a"), ElementsAre(ScramCredential{1, 4096}, ScramCredential{2, 5000}));
  ASSERT_EQ(seen.size(), 2u);
  const auto& first = seen[0].upsertions.at(0);
  EXPECT_EQ(first.salt.size(), 32u);
  EXPECT_NE(first.salt, seen[1].upsertions.at(0).salt);
  EXPECT_EQ(first.salted_password,
            Pbkdf2(Prf::kHmacSha256, AsBytes("pencil"), first.salt, 4096, 32));
  EXPECT_EQ(seen[1].upsertions.at(0).salted_password.size(), 64u);
}

TEST_F(AdminTest, FeaturesAndTheQuorum) {
  auto features = admin_->DescribeFeatures({});
  ASSERT_TRUE(features.ok()) << features.status().ToString();
  EXPECT_EQ(features->at("metadata.version").finalized, 29);
  auto quorum = admin_->DescribeQuorum({});
  ASSERT_TRUE(quorum.ok()) << quorum.status().ToString();
  EXPECT_EQ(quorum->leader, 1);
  EXPECT_EQ(quorum->replicas.size(), 2u);
}

TEST_F(AdminTest, ConfigsOfGroupsAreSetAndListed) {
  auto set = admin_->AlterConfigs(ConfigResourceType::kGroup, {{"g", {{"x", "1"}}}}, false, {});
  ASSERT_TRUE(set.ok() && set->at("g").ok());
  EXPECT_THAT(*admin_->ListConfigResources(ConfigResourceType::kGroup, {}), ElementsAre("g"));
  auto described = admin_->DescribeConfigs(ConfigResourceType::kGroup, {"g"}, {});
  ASSERT_TRUE(described.ok() && described->at("g").ok());
  EXPECT_EQ(described->at("g")->at(0).source, ConfigSource::kGroup);
}

class OldAdminTest : public AdminTest {
 protected:
  OldAdminTest() : AdminTest(FakeRelease::k39) {}
};

TEST_F(OldAdminTest, OnlyClientMetricsAreListed) {
  fake_.With([](FakeWorld& world) { world.resource_configs[{16, "m"}]["interval.ms"] = "1"; });
  EXPECT_THAT(*admin_->ListConfigResources(ConfigResourceType::kClientMetrics, {}),
              ElementsAre("m"));
  EXPECT_EQ(admin_->ListConfigResources(ConfigResourceType::kGroup, {}).status().code(),
            Code::kUnsupported);
}

TEST_F(OldAdminTest, ABrokerThatCallsGroupsMalformedHasNoneOfTheirConfigs) {
  fake_.Once(DescribeConfigsRequest::kApi.key,
             FakeEdit<DescribeConfigsResponse>([](auto& response) {
               for (auto& result : response.results) result.error_code = 42;  // INVALID_REQUEST
             }));
  auto described = admin_->DescribeConfigs(ConfigResourceType::kGroup, {"g"}, {});
  ASSERT_TRUE(described.ok()) << described.status().ToString();
  EXPECT_EQ(described->at("g").status().code(), Code::kUnsupported);
}

class OldestAdminTest : public AdminTest {
 protected:
  OldestAdminTest() : AdminTest(FakeRelease::k28) {}
};

TEST_F(OldestAdminTest, WhatTheClusterDoesNotHaveIsUnsupported) {
  EXPECT_EQ(admin_->DescribeQuorum({}).status().code(), Code::kUnsupported);
  EXPECT_EQ(admin_->DescribeShareGroupOffsets({"g"}, {}).status().code(), Code::kUnsupported);
  EXPECT_EQ(fake_.Seen(DescribeQuorumRequest::kApi.key), 0);
}

TEST(AdminNamesTest, NumbersWeDoNotKnowStayNumbers) {
  EXPECT_EQ(AclOperationName(4), "Write");
  EXPECT_EQ(AclOperationName(99), "99");
  EXPECT_EQ(AclResourceTypeName(5), "TransactionalId");
  EXPECT_EQ(AclResourceTypeName(1), "1");
  EXPECT_EQ(AclPatternTypeName(4), "prefixed");
}

}  // namespace
}  // namespace maxbrod::kafka
