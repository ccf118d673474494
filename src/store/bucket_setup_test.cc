#include "store/bucket_setup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "aws/bucket_server_testing.h"
#include "store/bucket_lifecycle.h"

namespace maxbrod::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

constexpr const char* kForeignRule =
    "<Rule><ID>theirs</ID><Filter><Prefix>logs/</Prefix></Filter><Status>Enabled</Status>"
    "<Expiration><Days>9</Days></Expiration></Rule>";

class BucketSetupTest : public ::testing::Test {
 protected:
  BucketState State() {
    auto state = ReadBucketState(bucket_, context_);
    EXPECT_TRUE(state.ok()) << state.status().message();
    return std::move(state).value();
  }
  // "versioning: off -> on", ...
  std::vector<std::string> Planned(const BucketWishes& wishes) {
    std::vector<std::string> texts;
    for (const BucketChange& change : PlanBucket(State(), wishes, prefix_).changes) {
      texts.push_back(change.setting + ": " + change.from + " -> " + change.to);
    }
    return texts;
  }
  std::vector<std::string> Apply(const BucketWishes& wishes) {
    std::vector<std::string> done;
    Status status = ApplyBucketPlan(
        bucket_, PlanBucket(State(), wishes, prefix_), wishes, prefix_,
        [&](const BucketChange& change) { done.push_back(change.setting); }, context_);
    if (!status.ok()) done.push_back(status.message());
    return done;
  }
  BucketFinding Find(const std::string& setting, const BucketWishes& wishes) {
    for (const BucketFinding& finding : JudgeBucket(State(), wishes, prefix_)) {
      if (finding.setting == setting) return finding;
    }
    return {};
  }
  std::vector<aws::LifecycleRule> Rules() {
    std::vector<aws::LifecycleRule> rules;
    const auto lifecycle = bucket_.GetLifecycle(context_);
    for (const auto& rule : lifecycle->rules) {
      rules.push_back(aws::ParseLifecycleRule(rule));
    }
    return rules;
  }
  void SetRules(const std::string& rules) {
    server_.documents["lifecycle"] =
        "<LifecycleConfiguration>" + rules + "</LifecycleConfiguration>";
  }

  aws::BucketServerForTests server_;
  std::shared_ptr<aws::S3Client> client_ = server_.client();
  aws::S3Bucket bucket_{*client_};
  CallContext context_;
  std::string prefix_ = "kafka/prod";
};

TEST_F(BucketSetupTest, ABareBucketGetsAllOfTheUsual) {
  const BucketWishes usual = BucketWishes::Usual();
  EXPECT_THAT(
      Planned(usual),
      ElementsAre("public-access: not blocked -> blocked", "encryption: none by default -> AES256",
                  "versioning: off -> on", "old-versions: never -> removed after 30 days",
                  "abort-uploads: never -> removed after 7 days"));
  EXPECT_THAT(Apply(usual), ElementsAre("public-access", "encryption", "versioning", "old-versions",
                                        "abort-uploads"));
  EXPECT_THAT(Planned(usual), IsEmpty());
  for (const BucketFinding& finding : JudgeBucket(State(), usual, prefix_)) {
    EXPECT_EQ(finding.grade, BucketGrade::kGood) << finding.setting;
  }
}

TEST_F(BucketSetupTest, NothingIsWrittenByPlanning) {
  Planned(BucketWishes::Usual());
  EXPECT_THAT(server_.log, Not(::testing::Contains(HasSubstr("PUT"))));
}

TEST_F(BucketSetupTest, RulesOfOthersAreKept) {
  SetRules(kForeignRule);
  BucketWishes wishes;
  wishes.cold_days = 30;
  wishes.cold_class = "DEEP_ARCHIVE";
  EXPECT_THAT(Apply(wishes), ElementsAre("cold-packs"));
  EXPECT_THAT(server_.documents["lifecycle"], HasSubstr(kForeignRule));
  ASSERT_EQ(Rules().size(), 2u);
  aws::LifecycleRule cold = Rules()[1];
  EXPECT_THAT(cold.id, ::testing::StartsWith("maxbrod-"));
  EXPECT_EQ(cold.prefix, "kafka/prod/pack/");
  EXPECT_EQ(cold.size_greater_than, 131'071u);
  // Another repository in the bucket has rules of its own.
  prefix_ = "kafka/test";
  wishes.cold_class = "GLACIER";
  EXPECT_THAT(Apply(wishes), ElementsAre("cold-packs"));
  ASSERT_EQ(Rules().size(), 3u);
  EXPECT_EQ(Rules()[1], cold);
  EXPECT_NE(Rules()[2].id, cold.id);
  // A new wish replaces the old one; "never" takes it away.
  wishes.cold_days = 90;
  EXPECT_THAT(Planned(wishes), ElementsAre("cold-packs: to GLACIER after 30 days -> to GLACIER "
                                           "after 90 days"));
  Apply(wishes);
  EXPECT_EQ(Rules().size(), 3u);
  EXPECT_EQ(Rules()[2].transitions[0].days, 90);
  wishes = {};
  wishes.cold_days = BucketWishes::kNever;
  EXPECT_THAT(Planned(wishes),
              ElementsAre("cold-packs: to GLACIER after 90 days -> our rule goes"));
  Apply(wishes);
  EXPECT_EQ(Rules().size(), 2u);
  EXPECT_THAT(Planned(wishes), IsEmpty());
}

TEST_F(BucketSetupTest, RulesThatCameMeanwhileAreKeptToo) {
  BucketWishes wishes;
  wishes.abort_uploads_days = 7;
  BucketPlan plan = PlanBucket(State(), wishes, prefix_);
  SetRules(kForeignRule);
  ASSERT_TRUE(ApplyBucketPlan(bucket_, plan, wishes, prefix_, [](const auto&) {}, context_).ok());
  EXPECT_EQ(Rules().size(), 2u);
}

TEST_F(BucketSetupTest, AnotherRuleThatDoesItIsEnough) {
  SetRules(
      "<Rule><ID>all</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</Status>"
      "<AbortIncompleteMultipartUpload><DaysAfterInitiation>3</DaysAfterInitiation>"
      "</AbortIncompleteMultipartUpload></Rule>");
  BucketWishes wishes;
  wishes.abort_uploads_days = 7;
  EXPECT_THAT(Planned(wishes), IsEmpty());
  EXPECT_EQ(Find("abort-uploads", wishes).is, "removed after 3 days");
  wishes.abort_uploads_days = 2;
  EXPECT_EQ(Planned(wishes).size(), 1u);
}

TEST_F(BucketSetupTest, RulesThatHurtARepositoryAreNamed) {
  auto hazards = [&](const std::string& rule) {
    SetRules("<Rule><ID>r</ID><Status>Enabled</Status>" + rule + "</Rule>");
    return HazardsOf(bucket_.GetLifecycle(context_)->rules, prefix_);
  };
  const std::string glacier =
      "<Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition>";
  EXPECT_THAT(hazards("<Prefix>kafka/</Prefix><Expiration><Days>9</Days></Expiration>"),
              ElementsAre(HasSubstr("removes objects below 'kafka/'")));
  EXPECT_THAT(hazards("<Filter><Prefix></Prefix></Filter>" + glacier),
              ElementsAre(HasSubstr("moves more than packs to GLACIER")));
  EXPECT_THAT(hazards("<Filter><Prefix>kafka/prod/log/</Prefix></Filter>" + glacier),
              ElementsAre(HasSubstr("GLACIER")));
  EXPECT_THAT(hazards("<Filter><Prefix>kafka/prod/pack/</Prefix></Filter>" + glacier), IsEmpty());
  EXPECT_THAT(hazards("<Filter><Prefix>other/</Prefix></Filter>" + glacier), IsEmpty());
  EXPECT_THAT(
      hazards("<Filter><And><Prefix></Prefix><Tag><Key>a</Key></Tag></And></Filter>" + glacier),
      IsEmpty());
  hazards("<Filter/><Expiration><Days>9</Days></Expiration>");
  EXPECT_TRUE(Find("lifecycle-rules", {}).alarming());
}

TEST_F(BucketSetupTest, ObjectLockNeedsVersioningAndIsWarnedOf) {
  BucketWishes wishes;
  wishes.lock = LockMode::kCompliance;
  wishes.lock_days = 35;
  BucketPlan plan = PlanBucket(State(), wishes, prefix_);
  EXPECT_THAT(plan.changes, IsEmpty());
  EXPECT_THAT(plan.impossible, ElementsAre(HasSubstr("--versioning")));
  wishes.versioning = true;
  plan = PlanBucket(State(), wishes, prefix_);
  EXPECT_THAT(plan.impossible, IsEmpty());
  EXPECT_THAT(plan.warnings,
              ElementsAre(HasSubstr("15 minutes"), HasSubstr("cannot be switched off"),
                          HasSubstr("outside of 'kafka/prod/', is kept and paid for 35 days")));
  EXPECT_THAT(Apply(wishes), ElementsAre("versioning", "object-lock"));
  EXPECT_EQ(Find("object-lock", {}).is, "on, COMPLIANCE for 35 days by default");
  EXPECT_THAT(Planned(wishes), IsEmpty());
}

TEST_F(BucketSetupTest, EncryptionThatIsThereIsEnoughUnlessAnotherIsAskedFor) {
  BucketWishes kms;
  kms.sse = "aws:kms";
  kms.kms_key_id = "arn:aws:kms:eu-west-1:1:key/k";
  EXPECT_THAT(Apply(kms), ElementsAre("encryption"));
  EXPECT_THAT(server_.documents["encryption"], HasSubstr("<BucketKeyEnabled>true"));
  BucketWishes some;
  some.some_encryption = true;
  EXPECT_THAT(Planned(some), IsEmpty());
  BucketWishes other;
  other.sse = "AES256";
  EXPECT_EQ(Planned(other).size(), 1u);
}

TEST_F(BucketSetupTest, WhatCannotBeReadOrHadIsSaid) {
  server_.denied = {"versioning"};
  server_.unsupported = {"lifecycle", "publicAccessBlock"};
  const BucketWishes usual = BucketWishes::Usual();
  BucketPlan plan = PlanBucket(State(), usual, prefix_);
  EXPECT_THAT(plan.impossible,
              ElementsAre(HasSubstr("no such thing"), HasSubstr("s3:GetBucketVersioning is denied"),
                          HasSubstr("lifecycle rules")));
  BucketFinding versioning = Find("versioning", usual);
  EXPECT_EQ(versioning.grade, BucketGrade::kUnknown);
  EXPECT_TRUE(versioning.alarming());
  BucketFinding access = Find("public-access", usual);
  EXPECT_EQ(access.grade, BucketGrade::kUnsupported);
  EXPECT_FALSE(access.alarming());
}

TEST_F(BucketSetupTest, ABusyServiceIsAskedAgain) {
  BucketWishes wishes;
  wishes.versioning = true;
  const BucketPlan plan = PlanBucket(State(), wishes, prefix_);
  server_.busy = 1;
  ASSERT_TRUE(ApplyBucketPlan(bucket_, plan, wishes, prefix_, [](const auto&) {}, context_).ok());
  EXPECT_EQ(*bucket_.GetVersioning(context_), aws::Versioning::kEnabled);
}

TEST(BucketWishesTest, MakeSense) {
  auto hint = [](auto change) {
    BucketWishes wishes;
    change(wishes);
    return CheckWishes(wishes).hint();
  };
  EXPECT_EQ(hint([](auto&) {}), "");
  EXPECT_EQ(hint([](auto& w) { w = BucketWishes::Usual(); }), "");
  EXPECT_THAT(hint([](auto& w) { w.cold_days = 30; }), HasSubstr("DEEP_ARCHIVE"));
  EXPECT_THAT(hint([](auto& w) { w.cold_days = 29, w.cold_class = "STANDARD_IA"; }),
              HasSubstr("30d"));
  EXPECT_EQ(hint([](auto& w) { w.cold_days = 1, w.cold_class = "GLACIER"; }), "");
  EXPECT_NE(hint([](auto& w) { w.cold_class = "GLACIER"; }), "");
  EXPECT_NE(hint([](auto& w) { w.lock_days = 3; }), "");
  EXPECT_NE(hint([](auto& w) { w.lock = LockMode::kGovernance; }), "");
  EXPECT_NE(hint([](auto& w) { w.sse = "AES256", w.kms_key_id = "k"; }), "");
}

}  // namespace
}  // namespace maxbrod::store
