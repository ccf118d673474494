#include "engine/iam_roles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace maxbrod::engine {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr Role kRoles[] = {Role::kBackup, Role::kRestore, Role::kPrune, Role::kSetup};

PolicySubject Subject() {
  PolicySubject subject;
  subject.bucket = "backups";
  subject.prefix = "kafka/prod";
  subject.region = "eu-west-1";
  return subject;
}

nlohmann::ordered_json Policy(Role role, const PolicySubject& subject) {
  auto policy = PolicyOf(role, subject);
  EXPECT_TRUE(policy.ok());
  return *policy;
}

std::vector<std::string> Actions(const nlohmann::ordered_json& policy) {
  std::vector<std::string> actions;
  for (const auto& statement : policy["Statement"]) {
    EXPECT_EQ(statement["Effect"], "Allow");
    if (statement["Action"].is_string()) actions.push_back(statement["Action"]);
    if (!statement["Action"].is_array()) continue;
    EXPECT_FALSE(statement["Action"].empty());
    for (const auto& action : statement["Action"]) actions.push_back(action);
  }
  return actions;
}

nlohmann::ordered_json Find(const nlohmann::ordered_json& policy, const std::string& id) {
  for (const auto& statement : policy["Statement"]) {
    if (statement["Sid"] == id) return statement;
  }
  return {};
}

TEST(IamRolesTest, NobodyMayRemoveVersionsAndOnlyPruneMayDelete) {
  PolicySubject subject = Subject();
  subject.object_lock = true;
  for (Role role : kRoles) {
    auto actions = Actions(Policy(role, subject));
    EXPECT_THAT(actions, Not(Contains("s3:DeleteObjectVersion")));
    EXPECT_THAT(actions, Not(Contains(HasSubstr("*"))));
    if (role == Role::kPrune) {
      EXPECT_THAT(actions, Contains("s3:DeleteObject"));
    } else {
      EXPECT_THAT(actions, Not(Contains("s3:DeleteObject")));
    }
    bool sets_up = role == Role::kSetup;
    EXPECT_EQ(std::count(actions.begin(), actions.end(), "s3:PutLifecycleConfiguration"), sets_up);
  }
}

TEST(IamRolesTest, WritesAreLimitedToThePrefixAndNeverOverwrite) {
  for (Role role : kRoles) {
    auto policy = Policy(role, Subject());
    for (const auto& statement : policy["Statement"]) {
      if (statement["Action"] != "s3:PutObject") continue;
      EXPECT_THAT(statement["Resource"].dump(), HasSubstr("arn:aws:s3:::backups/kafka/prod/"));
      bool conditional = statement["Condition"].contains("Null") ||
                         statement["Condition"]["Bool"]["s3:ObjectCreationOperation"] == "false";
      EXPECT_TRUE(conditional) << statement;
    }
    EXPECT_EQ(Find(policy, "List")["Condition"]["StringLike"]["s3:prefix"], "kafka/prod/*");
  }
  auto restore = Find(Policy(Role::kRestore, Subject()), "CreateNeverOverwrite");
  EXPECT_THAT(restore["Resource"].dump(), Not(HasSubstr("pack/")));
}

TEST(IamRolesTest, PlacesWithoutAPrefixOrInOtherPartitions) {
  PolicySubject whole = Subject();
  whole.prefix.clear();
  whole.region = "cn-north-1";
  auto policy = Policy(Role::kBackup, whole);
  EXPECT_EQ(Find(policy, "Objects")["Resource"], "arn:aws-cn:s3:::backups/*");
  EXPECT_FALSE(Find(policy, "List").contains("Condition"));
  EXPECT_EQ(Find(Policy(Role::kBackup, {}), "Objects")["Resource"], "arn:aws:s3:::BUCKET/PREFIX/*");
}

TEST(IamRolesTest, KmsIsBoundToTheRepositoryAndToS3) {
  PolicySubject subject = Subject();
  subject.slot_keys = {"arn:aws:kms:eu-west-1:1:key/a", "alias/b"};
  subject.repository_id = "00112233445566778899aabbccddeeff";
  subject.sse_key = "arn:aws:kms:eu-west-1:1:key/c";
  auto policy = Policy(Role::kBackup, subject);
  auto first = Find(policy, "OpenRepository1");
  EXPECT_EQ(first["Action"], nlohmann::ordered_json({"kms:Decrypt"}));
  EXPECT_EQ(first["Resource"], "arn:aws:kms:eu-west-1:1:key/a");
  EXPECT_EQ(first["Condition"]["StringEquals"]["kms:EncryptionContext:maxbrod:repository"],
            subject.repository_id);
  auto second = Find(policy, "OpenRepository2");
  EXPECT_EQ(second["Condition"]["ForAnyValue:StringEquals"]["kms:ResourceAliases"], "alias/b");
  EXPECT_TRUE(second["Condition"].contains("StringEquals"));
  auto sse = Find(policy, "ServerSideEncryption");
  EXPECT_EQ(sse["Condition"]["StringEquals"]["kms:ViaService"], "s3.eu-west-1.amazonaws.com");
  EXPECT_THAT(sse["Condition"].dump(), HasSubstr("arn:aws:s3:::backups/kafka/prod/*"));
}

TEST(IamRolesTest, KafkaActionsAreThoseOfTheRole) {
  PolicySubject subject = Subject();
  subject.msk_cluster = "arn:aws:kafka:eu-west-1:123456789012:cluster/demo/u-1";
  auto backup = Policy(Role::kBackup, subject);
  EXPECT_THAT(Actions(backup), Not(Contains("kafka-cluster:WriteData")));
  EXPECT_EQ(Find(backup, "KafkaTopics")["Resource"],
            "arn:aws:kafka:eu-west-1:123456789012:topic/demo/u-1/*");
  auto restore = Policy(Role::kRestore, subject);
  EXPECT_THAT(Actions(restore), Contains("kafka-cluster:WriteDataIdempotently"));
  EXPECT_EQ(Find(restore, "KafkaTransactions")["Resource"],
            "arn:aws:kafka:eu-west-1:123456789012:transactional-id/demo/u-1/maxbrod-*");
  EXPECT_THAT(Actions(Policy(Role::kPrune, subject)), Not(Contains(HasSubstr("kafka"))));
  subject.msk_cluster = "arn:aws:kafka:eu-west-1:123456789012:topic/demo";
  EXPECT_EQ(PolicyOf(Role::kBackup, subject).status().code(), Code::kInvalidArgument);
}

TEST(IamRolesTest, Needs) {
  EXPECT_EQ(NeedOf(Role::kBackup, "s3:DeleteObject"), Need::kMustNot);
  EXPECT_EQ(NeedOf(Role::kPrune, "s3:DeleteObject"), Need::kMust);
  EXPECT_EQ(NeedOf(Role::kRestore, "s3:RestoreObject"), Need::kUseful);
  EXPECT_EQ(NeedOf(Role::kBackup, "s3:Unheard"), Need::kNone);
  EXPECT_EQ(*ParseRole("prune"), Role::kPrune);
  EXPECT_FALSE(ParseRole("root").ok());
}

}  // namespace
}  // namespace maxbrod::engine
