#include "engine/restore_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kafka/errors.h"
#include "kafka/fake_broker_testing.h"
#include "kafka/messages/alter_client_quotas.h"
#include "kafka/messages/create_acls.h"
#include "kafka/messages/describe_acls.h"
#include "kafka/messages/incremental_alter_configs.h"

namespace maxbrod::engine {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

kafka::Acl ReadOn(const std::string& topic, const std::string& principal) {
  return {2, topic, 3, principal, "*", 3, 3};
}

class RestoreMetadataTest : public testing::Test {
 protected:
  RestoreMetadataTest() {
    auto cluster = kafka::Cluster::Connect(fake_.config(), {});
    MB_CHECK(cluster.ok());
    cluster_ = std::move(cluster).value();
    snapshot_.metadata.set_captured(true);
  }

  void AddAcl(const kafka::Acl& acl) {
    format::Acl* out = snapshot_.metadata.add_acls();
    out->set_resource_type(acl.resource_type);
    out->set_resource_name(acl.resource_name);
    out->set_pattern_type(acl.pattern_type);
    out->set_principal(acl.principal);
    out->set_host(acl.host);
    out->set_operation(acl.operation);
    out->set_permission(acl.permission);
  }
  void AddQuota(const std::string& user, const std::string& key, double value) {
    format::ClientQuota* quota = snapshot_.metadata.add_quotas();
    auto* entity = quota->add_entities();
    entity->set_type("user");
    entity->set_name(user);
    auto* out = quota->add_values();
    out->set_key(key);
    out->set_value(value);
  }
  void AddUser(const std::string& user, const std::vector<kafka::ScramCredential>& credentials) {
    format::ScramUser* out = snapshot_.metadata.add_scram_users();
    out->set_user(user);
    for (const auto& credential : credentials) {
      auto* c = out->add_credentials();
      c->set_mechanism(credential.mechanism);
      c->set_iterations(credential.iterations);
    }
  }
  void AddConfig(int32_t type, const std::string& name, const std::string& config,
                 const std::string& value) {
    format::ConfigResource* resource = snapshot_.metadata.add_configs();
    resource->set_type(type);
    resource->set_name(name);
    auto* out = resource->add_configs();
    out->set_name(config);
    out->set_value(value);
    out->set_has_value(true);
  }
  void Password(const std::string& text) {
    auto parsed = ScramPasswords::Parse(text);
    ASSERT_TRUE(parsed.ok());
    selection_.passwords = std::make_shared<const ScramPasswords>(std::move(parsed).value());
  }

  MetadataPlan Plan() {
    auto plan = PlanMetadata(snapshot_, *cluster_, selection_, {});
    EXPECT_TRUE(plan.ok()) << plan.status().ToString();
    return plan.ok() ? std::move(plan).value() : MetadataPlan();
  }
  MetadataReport Apply() {
    Progress progress;
    auto report = ApplyMetadata(*cluster_, Plan(), progress, {});
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    return report.ok() ? std::move(report).value() : MetadataReport();
  }
  std::set<kafka::Acl> Acls() {
    std::set<kafka::Acl> acls;
    fake_.With([&](kafka::FakeWorld& world) { acls = world.acls; });
    return acls;
  }

  kafka::FakeCluster fake_;
  std::unique_ptr<kafka::Cluster> cluster_;
  repo::Snapshot snapshot_;
  MetadataSelection selection_;
};

TEST_F(RestoreMetadataTest, AnEmptyTargetGetsAllOfItOnce) {
  AddAcl(ReadOn("t", "User:a"));
  AddQuota("a", "producer_byte_rate", 5);
  AddUser("a", {{1, 4096}, {2, 8192}});
  AddConfig(32, "g", "x", "1");
  Password("a:secret\n");
  MetadataReport report = Apply();
  EXPECT_EQ(report.created, 4u);
  EXPECT_THAT(report.failed, IsEmpty());
  EXPECT_THAT(Acls(), ElementsAre(ReadOn("t", "User:a")));
  report = Apply();
  EXPECT_EQ(report.created, 0u);
  EXPECT_EQ(report.same, 4u);
}

TEST_F(RestoreMetadataTest, APatternIsMetOnlyByAclsThatTheSnapshotLacks) {
  AddAcl(ReadOn("t", "User:a"));
  AddAcl(ReadOn("t", "User:b"));
  fake_.With([](kafka::FakeWorld& world) { world.acls.insert(ReadOn("t", "User:a")); });
  selection_.policies.acls = MergePolicy::kFail;
  EXPECT_EQ(Apply().created, 1u);  // a run killed half way goes on
  fake_.With(
      [](kafka::FakeWorld& world) { world.acls = {ReadOn("t", "User:a"), ReadOn("t", "User:x")}; });
  MetadataPlan refused = Plan();
  EXPECT_TRUE(refused.refused());
  EXPECT_EQ(refused.Refusal().code(), Code::kAlreadyExists);
  EXPECT_THAT(refused.Refusal().message(), HasSubstr("Topic:t"));
  Progress progress;
  EXPECT_EQ(ApplyMetadata(*cluster_, refused, progress, {}).status().code(), Code::kAlreadyExists);
  EXPECT_THAT(Acls(), SizeIs(2));
  selection_.policies.acls = MergePolicy::kSkip;
  EXPECT_EQ(Apply().skipped, 1u);
  EXPECT_THAT(Acls(), Contains(ReadOn("t", "User:x")));
  selection_.policies.acls = MergePolicy::kOverwrite;
  EXPECT_EQ(Apply().overwritten, 1u);
  EXPECT_THAT(Acls(), ElementsAre(ReadOn("t", "User:a"), ReadOn("t", "User:b")));
}

TEST_F(RestoreMetadataTest, AclsFollowTheirTopicsAndPrincipals) {
  AddAcl(ReadOn("t", "User:a"));
  AddAcl(ReadOn("left", "User:a"));
  AddAcl(ReadOn("*", "User:a"));
  kafka::Acl prefixed = ReadOn("t", "User:a");
  prefixed.pattern_type = 4;
  AddAcl(prefixed);
  selection_.topic_name = [](const std::string& topic) {
    return topic == "t" ? std::string("t2") : std::string();
  };
  selection_.principal_name = [](const std::string& name) { return name + "2"; };
  MetadataReport report = Apply();
  EXPECT_EQ(report.created, 3u);
  EXPECT_EQ(report.left_out, 1u);
  prefixed.principal = "User:a2";
  EXPECT_EQ(Acls(), (std::set{ReadOn("*", "User:a2"), ReadOn("t2", "User:a2"), prefixed}));
}

TEST_F(RestoreMetadataTest, ATargetWithoutAuthorizerIsAWarning) {
  AddAcl(ReadOn("t", "User:a"));
  AddQuota("a", "producer_byte_rate", 5);
  fake_.With([](kafka::FakeWorld& world) {
    world.refusals[kafka::DescribeAclsRequest::kApi.key] = kafka::kSecurityDisabled;
  });
  MetadataReport report = Apply();
  EXPECT_EQ(report.left_out, 1u);
  EXPECT_EQ(report.created, 1u);
  EXPECT_THAT(report.warnings, ElementsAre(HasSubstr("no authorizer")));
}

TEST_F(RestoreMetadataTest, WhatTheTargetRefusesDoesNotStopTheRest) {
  AddAcl(ReadOn("t", "User:a"));
  AddQuota("a", "producer_byte_rate", 5);
  AddConfig(32, "g", "x", "1");
  MetadataPlan plan = Plan();
  fake_.With([](kafka::FakeWorld& world) {
    world.refusals[kafka::CreateAclsRequest::kApi.key] = kafka::error::kClusterAuthorizationFailed;
    world.refusals[kafka::AlterClientQuotasRequest::kApi.key] =
        kafka::error::kClusterAuthorizationFailed;
  });
  Progress progress;
  auto report = ApplyMetadata(*cluster_, plan, progress, {});
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(report->created, 1u);
  EXPECT_THAT(report->failed,
              ElementsAre(HasSubstr("AlterConfigs on Cluster"), HasSubstr("Alter on Cluster")));
  EXPECT_EQ(report->failure.code(), Code::kPermission);
  // Known beforehand, it is planned so.
  EXPECT_THAT(Plan().warnings, ElementsAre(HasSubstr("1 quotas are not restored")));
}

TEST_F(RestoreMetadataTest, UsersWithoutAPasswordAreNamedWithTheCommand) {
  AddUser("a'b", {{1, 4096}, {2, 8192}});
  MetadataPlan plan = Plan();
  ASSERT_THAT(plan.items, SizeIs(1));
  EXPECT_EQ(plan.items[0].action, MetadataAction::kSetAgain);
  EXPECT_EQ(plan.items[0].reason,
            "kafka-configs.sh --alter --entity-type users --entity-name 'a'\\''b' --add-config "
            "'SCRAM-SHA-256=[iterations=4096,password=...],SCRAM-SHA-512=[iterations=8192,"
            "password=...]'");
  Password("a'b:SCRAM-SHA-256:secret\n");
  MetadataReport report = Apply();
  EXPECT_EQ(report.created, 1u);
  ASSERT_THAT(report.set_again, SizeIs(1));
  EXPECT_THAT(report.set_again[0], HasSubstr("'SCRAM-SHA-512=[iterations=8192,password=...]'"));
}

TEST_F(RestoreMetadataTest, OverwrittenUsersHaveTheSnapshotsMechanisms) {
  AddUser("a", {{2, 8192}});
  fake_.With([](kafka::FakeWorld& world) { world.scram_users["a"] = {{1, 4096}, {2, 4096}}; });
  Password("a:secret\n");
  EXPECT_EQ(Apply().skipped, 1u);
  selection_.policies.users = MergePolicy::kOverwrite;
  EXPECT_EQ(Apply().overwritten, 1u);
  fake_.With([](kafka::FakeWorld& world) {
    EXPECT_THAT(world.scram_users["a"], ElementsAre(kafka::ScramCredential{2, 8192}));
  });
}

TEST_F(RestoreMetadataTest, PrincipalsThatAreNoUsersOfTheTargetAreNoted) {
  AddAcl(ReadOn("t", "User:a"));
  AddAcl(ReadOn("t", "User:b"));
  AddAcl(ReadOn("t", "User:*"));
  EXPECT_THAT(Plan().notes,
              IsEmpty());  // a target without SCRAM users knows its own by other means
  fake_.With([](kafka::FakeWorld& world) { world.scram_users["a"] = {{1, 4096}}; });
  EXPECT_THAT(Plan().notes, ElementsAre(HasSubstr("User:b")));
}

TEST_F(RestoreMetadataTest, AConfigThatTheTargetDoesNotKnowIsLeftOut) {
  AddConfig(32, "g", "unknown.of.groups", "1");
  auto* known = snapshot_.metadata.mutable_configs(0)->add_configs();
  known->set_name("known");
  known->set_value("2");
  known->set_has_value(true);
  AddConfig(16, "m", "unknown.of.metrics", "1");
  MetadataReport report = Apply();
  EXPECT_EQ(report.created, 1u);
  EXPECT_EQ(report.left_out, 1u);
  EXPECT_THAT(report.warnings,
              ElementsAre(HasSubstr("unknown.of.groups"), HasSubstr("unknown.of.metrics")));
  fake_.With(
      [](kafka::FakeWorld& world) { EXPECT_THAT((world.resource_configs[{32, "g"}]), SizeIs(1)); });
}

TEST_F(RestoreMetadataTest, BrokerConfigsOnlyWhenAskedForAndNeverListeners) {
  AddConfig(4, "", "cleanup.policy", "compact");
  for (const char* name : {"listener.name.x.ssl.keystore.location", "nobody.knows.this"}) {
    auto* config = snapshot_.metadata.mutable_configs(0)->add_configs();
    config->set_name(name);
    config->set_value("v");
    config->set_has_value(true);
  }
  auto* sensitive = snapshot_.metadata.mutable_configs(0)->add_configs();
  sensitive->set_name("some.password");
  sensitive->set_sensitive(true);
  EXPECT_THAT(Plan().items, IsEmpty());
  selection_.broker_configs = BrokerConfigs::kDefault;
  MetadataReport report = Apply();
  EXPECT_EQ(report.created, 1u);
  EXPECT_EQ(report.left_out, 2u);
  EXPECT_THAT(report.set_again, ElementsAre(HasSubstr("some.password")));
  EXPECT_THAT(report.warnings, ElementsAre(HasSubstr("nobody.knows.this")));
}

TEST_F(RestoreMetadataTest, EachBrokersConfigsWhereItsIdIsThere) {
  for (int32_t id : {1, 9}) {
    format::BrokerInfo* broker = snapshot_.header.mutable_cluster()->add_brokers();
    broker->set_id(id);
    for (auto source : {kafka::ConfigSource::kDynamicBroker, kafka::ConfigSource::kStaticBroker}) {
      auto* config = broker->add_configs();
      config->set_name(source == kafka::ConfigSource::kDynamicBroker ? "retention.ms" : "node.id");
      config->set_value("5");
      config->set_has_value(true);
      config->set_source(static_cast<int32_t>(source));
    }
  }
  selection_.broker_configs = BrokerConfigs::kDefault;
  EXPECT_THAT(Plan().items, IsEmpty());
  selection_.broker_configs = BrokerConfigs::kEach;
  MetadataReport report = Apply();
  EXPECT_EQ(report.created, 1u);
  EXPECT_THAT(report.warnings, ElementsAre(HasSubstr("broker 9")));
  fake_.With([](kafka::FakeWorld& world) {
    EXPECT_THAT((world.resource_configs[{4, "1"}]),
                ElementsAre(std::pair<const std::string, std::string>("retention.ms", "5")));
  });
  EXPECT_EQ(Apply().same, 1u);
}

TEST_F(RestoreMetadataTest, ManyGroupsAreFewRequests) {
  for (int i = 0; i < 1200; ++i) {
    AddConfig(32, "g" + std::to_string(i), i == 600 ? "unknown.config" : "x", "1");
  }
  EXPECT_EQ(Apply().created, 1199u);
  EXPECT_LE(fake_.Seen(kafka::IncrementalAlterConfigsRequest::kApi.key), 7);
}

TEST_F(RestoreMetadataTest, OldSnapshotsSayThatTheyHaveNothing) {
  snapshot_.metadata.Clear();
  MetadataPlan plan = Plan();
  EXPECT_THAT(plan.items, IsEmpty());
  EXPECT_THAT(plan.warnings, SizeIs(1));
}

TEST_F(RestoreMetadataTest, OtherFeatureLevelsAreToldNotChanged) {
  format::Feature* feature = snapshot_.metadata.add_features();
  feature->set_name("metadata.version");
  feature->set_finalized(25);
  EXPECT_THAT(Plan().notes, ElementsAre(HasSubstr("level 25 on the source, 29 on the target")));
}

}  // namespace
}  // namespace maxbrod::engine
