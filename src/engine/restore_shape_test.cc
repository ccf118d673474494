// The rules a user gives for a restore's shape: parts, configs, replicas, what exists already.
#include <gtest/gtest.h>

#include "engine/placement.h"
#include "engine/restore_profile.h"

namespace maxbrod::engine {
namespace {

TEST(RestoreParts, DefaultIsTopicsDataGroups) {
  auto parts = RestoreParts::Parse({});
  ASSERT_TRUE(parts.ok());
  EXPECT_EQ("topics,data,groups", parts->Text());
  EXPECT_FALSE(parts->metadata());
}

TEST(RestoreParts, MetadataIsAllButDataAndGroups) {
  auto parts = RestoreParts::Parse({"metadata"});
  ASSERT_TRUE(parts.ok());
  EXPECT_EQ("topics,acls,quotas,users,configs,schemas", parts->Text());
  EXPECT_EQ("topics,data,groups,acls,quotas,users,configs,schemas",
            RestoreParts::Parse({"all"})->Text());
  EXPECT_EQ("data,acls", RestoreParts::Parse({"acls", "data"})->Text());
}

TEST(RestoreParts, RefusesWhatMakesNoSense) {
  EXPECT_EQ(Code::kInvalidArgument, RestoreParts::Parse({"topic"}).status().code());
  EXPECT_EQ(Code::kInvalidArgument, RestoreParts::Parse({"metadata", "groups"}).status().code());
  EXPECT_TRUE(RestoreParts::Parse({"groups"}).ok());
}

TEST(ConfigRules, LaterRulesWinByTopic) {
  ConfigRules rules;
  ASSERT_TRUE(rules.AddOverride("retention.ms=1").ok());
  ASSERT_TRUE(rules.AddOverride("orders*:retention.ms=2").ok());
  ASSERT_TRUE(rules.AddOverride("/iot-(?:a|b)/:retention.ms=3").ok());
  ASSERT_TRUE(rules.AddLeftOut("logs:retention.ms").ok());
  EXPECT_EQ("1", rules.Find("other", "retention.ms")->value);
  EXPECT_EQ("2", rules.Find("orders-eu", "retention.ms")->value);
  EXPECT_EQ("3", rules.Find("iot-b", "retention.ms")->value);
  EXPECT_EQ(std::nullopt, rules.Find("logs", "retention.ms")->value);
  EXPECT_EQ(nullptr, rules.Find("logs", "segment.ms"));
  EXPECT_TRUE(rules.SetOn("logs").empty());
  ASSERT_EQ(1u, rules.SetOn("orders-eu").size());
}

TEST(ConfigRules, ValuesMayHoldColonsAndEqualsSigns) {
  ConfigRules rules;
  ASSERT_TRUE(rules.AddOverride("leader.replication.throttled.replicas=0:1,1:2").ok());
  ASSERT_TRUE(rules.AddOverride("a:x.y=p=q").ok());
  EXPECT_EQ("0:1,1:2", rules.Find("t", "leader.replication.throttled.replicas")->value);
  EXPECT_EQ("p=q", rules.Find("a", "x.y")->value);
  EXPECT_EQ(nullptr, rules.Find("b", "x.y"));
}

TEST(ConfigRules, RefusesBrokenTexts) {
  ConfigRules rules;
  for (const char* text :
       {"", "retention.ms", "=5", "a:=5", "a b=5", "/x:retention.ms=5", "/(/:retention.ms=5"}) {
    EXPECT_EQ(Code::kInvalidArgument, rules.AddOverride(text).code()) << text;
  }
  EXPECT_EQ(Code::kInvalidArgument, rules.AddLeftOut("a:").code());
  EXPECT_EQ(Code::kInvalidArgument, rules.AddLeftOut("x=5").code());
  EXPECT_TRUE(rules.empty());
}

TEST(MergePolicies, OneForAllAndOnePerKind) {
  MergePolicies policies;
  ASSERT_TRUE(policies.Parse("skip").ok());
  ASSERT_TRUE(policies.Parse("acls=overwrite").ok());
  EXPECT_EQ(
      "topics=skip groups=skip acls=overwrite quotas=skip users=skip configs=skip schemas=skip",
      policies.Text());
  for (const char* text : {"", "keep", "acl=skip", "acls=", "=skip"})
    EXPECT_EQ(Code::kInvalidArgument, policies.Parse(text).code()) << text;
}

TEST(RestoreProfile, UsersRulesWin) {
  RestoreSelection selection;
  ASSERT_TRUE(ApplyProfile("small", &selection).ok());
  ASSERT_TRUE(selection.config_rules.AddOverride("min.insync.replicas=2").ok());
  EXPECT_EQ("2", selection.config_rules.Find("t", "min.insync.replicas")->value);
  EXPECT_EQ(1, selection.placement.replication_factor);
  EXPECT_TRUE(selection.leave_retention_off);
  EXPECT_EQ(Code::kInvalidArgument, ApplyProfile("tiny", &selection).code());
}

TEST(PlacementRule, ParsesFactors) {
  PlacementRule rule;
  ASSERT_TRUE(rule.ParseFactor("2").ok());
  EXPECT_EQ(2, rule.replication_factor);
  ASSERT_TRUE(rule.ParseFactor("fit").ok());
  EXPECT_TRUE(rule.fit);
  EXPECT_EQ(0, rule.replication_factor);
  for (const char* text : {"0", "-1", "101", "two", "2x", ""})
    EXPECT_EQ(Code::kInvalidArgument, rule.ParseFactor(text).code()) << text;
}

TEST(PlacementRule, ParsesBrokerMaps) {
  PlacementRule rule;
  ASSERT_TRUE(rule.ParseBrokerMap("1=101").ok());
  EXPECT_EQ(101, rule.broker_map.at(1));
  for (const char* text : {"1=102", "1", "=1", "1=", "a=1", "-1=2"})
    EXPECT_EQ(Code::kInvalidArgument, rule.ParseBrokerMap(text).code()) << text;
}

TEST(PlacementRule, RefusesBrokenLists) {
  for (const char* json :
       {"", "[]", "{}", R"({"version":2,"partitions":[]})", R"({"partitions":[1]})",
        R"({"partitions":[{"topic":"t","partition":0}]})",
        R"({"partitions":[{"topic":"t","partition":-1,"replicas":[1]}]})",
        R"({"partitions":[{"topic":"t","partition":0,"replicas":[1,1]}]})",
        R"({"partitions":[{"topic":"t","partition":0,"replicas":["1"]}]})",
        R"({"partitions":[{"topic":"t","partition":0,"replicas":[1]},
                          {"topic":"t","partition":0,"replicas":[2]}]})"}) {
    PlacementRule rule;
    EXPECT_EQ(Code::kInvalidArgument, rule.ParseListed("file", json).code()) << json;
  }
}

class PlacementTest : public ::testing::Test {
 protected:
  PlacementTest() {
    for (int32_t id : {1, 2, 3}) target_.brokers[BrokerId(id)].id = BrokerId(id);
    source_.set_topic("t");
    source_.set_replication_factor(3);
    for (int32_t p = 0; p < 2; ++p) {
      auto* partition = source_.add_partitions();
      partition->set_partition(p);
      for (int32_t id : {11 + p, 12 + p, 13 + p}) partition->add_replicas(id);
      topic_.partitions.emplace_back().partition = p;
    }
    topic_.source = topic_.target = "t";
  }
  void Plan() { PlanPlacement(source_, rule_, nullptr, target_, &topic_, &plan_); }

  format::TopicSnapshot source_;
  kafka::ClusterMetadata target_;
  PlacementRule rule_;
  PlannedTopic topic_;
  RestorePlan plan_;
};

TEST_F(PlacementTest, FitTakesAsManyAsThereAreAndSaysSo) {
  target_.brokers.erase(BrokerId(3));
  rule_.fit = true;
  Plan();
  EXPECT_EQ(2, topic_.replication_factor);
  ASSERT_EQ(1u, plan_.warnings.size());
  EXPECT_TRUE(plan_.refusals.empty());
}

TEST_F(PlacementTest, MoreReplicasThanBrokersAreRefused) {
  target_.brokers.erase(BrokerId(3));
  Plan();
  EXPECT_EQ(1u, plan_.refusals.size());
}

TEST_F(PlacementTest, SourcePlacesThroughTheMapAndCutsToTheFactor) {
  rule_.where = PlacementRule::Where::kSource;
  rule_.replication_factor = 2;
  rule_.broker_map = {{11, 3}, {12, 1}, {13, 2}};
  Plan();
  EXPECT_TRUE(plan_.refusals.empty());
  EXPECT_EQ((std::vector<int32_t>{3, 1}), topic_.partitions[0].replicas);
  EXPECT_EQ((std::vector<int32_t>{1, 2}), topic_.partitions[1].replicas);
}

TEST_F(PlacementTest, SourceNamesTheBrokerThatIsMissing) {
  rule_.where = PlacementRule::Where::kSource;
  Plan();
  ASSERT_EQ(1u, plan_.refusals.size());
  EXPECT_NE(std::string::npos, plan_.refusals[0].find("broker 11"));
}

TEST_F(PlacementTest, ListedWantsAllPartitionsWithOneFactor) {
  ASSERT_TRUE(rule_
                  .ParseListed("f", R"({"version":1,"partitions":[
      {"topic":"t","partition":0,"replicas":[3,1]}]})")
                  .ok());
  Plan();
  EXPECT_EQ(1u, plan_.refusals.size());

  rule_.listed[{"t", 1}] = {2};
  plan_ = RestorePlan();
  Plan();
  EXPECT_EQ(1u, plan_.refusals.size());

  rule_.listed[{"t", 1}] = {2, 3};
  plan_ = RestorePlan();
  Plan();
  EXPECT_TRUE(plan_.refusals.empty());
  EXPECT_EQ(2, topic_.replication_factor);
  EXPECT_EQ((std::vector<int32_t>{3, 1}), topic_.partitions[0].replicas);
}

}  // namespace
}  // namespace maxbrod::engine
