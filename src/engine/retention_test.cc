#include "engine/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <random>

#include "base/user_time.h"
#include "engine/retention_oracle_testing.h"

namespace maxbrod::engine {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

int64_t Time(const std::string& text) {
  auto time = ParseUserTime(text);
  EXPECT_TRUE(time.ok()) << text;
  return time.ok() ? *time : 0;
}

class RetentionTest : public ::testing::Test {
 protected:
  RetentionSnapshot& Add(const std::string& time, std::vector<std::string> tags = {},
                         const std::string& cluster = "c") {
    RetentionSnapshot& snapshot = snapshots_.emplace_back();
    snapshot.id = snapshot.name = time;
    snapshot.time_ms = Time(time);
    snapshot.tags = std::move(tags);
    snapshot.cluster_id = cluster;
    return snapshot;
  }
  // The reasons of those that stay, by name.
  std::map<std::string, std::vector<std::string>> Kept(const std::string& policy) {
    std::map<std::string, std::vector<std::string>> out;
    auto parsed = RetentionPolicy::Parse(policy);
    EXPECT_TRUE(parsed.ok()) << parsed.status().ToString();
    if (!parsed.ok()) return out;
    auto plan = ApplyRetention(*parsed, snapshots_, group_by_, zone_, now_ms_);
    status_ = plan.status();
    if (!plan.ok()) return out;
    warnings_ = plan->warnings;
    for (const RetentionGroup& group : plan->groups) {
      for (const RetentionDecision& decision : group.decisions) {
        EXPECT_EQ(decision.keep, !decision.reasons.empty());
        if (decision.keep) out[decision.snapshot->name] = decision.reasons;
      }
    }
    return out;
  }
  std::vector<std::string> Names(const std::string& policy) {
    std::vector<std::string> out;
    for (const auto& [name, reasons] : Kept(policy)) out.push_back(name);
    return out;
  }

  std::vector<RetentionSnapshot> snapshots_;
  GroupBy group_by_;
  TimeZone zone_;
  int64_t now_ms_ = Time("2026-12-31T00:00:00Z");
  Status status_;
  std::vector<std::string> warnings_;
};

TEST(RetentionPolicyTest, TheGrammar) {
  auto policy = RetentionPolicy::Parse(
      " last 3,hourly 24 , daily 31, weekly 52, monthly 12, yearly all, within 14d, "
      "within-daily 8w, within-hourly 36h, tag gold, tag=silver");
  ASSERT_TRUE(policy.ok()) << policy.status().ToString();
  EXPECT_EQ(policy->Text(),
            "last 3, hourly 24, daily 31, weekly 52, monthly 12, yearly all, within 14d, "
            "within-daily 56d, within-hourly 36h, tag gold, tag silver");
  auto again = RetentionPolicy::Parse(policy->Text());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->Text(), policy->Text());
}

TEST(RetentionPolicyTest, WhatMeansNothingIsRefusedAndSaysWhy) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "empty"},
      {"  ", "empty"},
      {"daily 0", "means nothing"},
      {"last 0", "means nothing"},
      {"within 0d", "means nothing"},
      {"last all", "keeps everything"},
      {"daily 3, daily 5", "twice"},
      {"tag a, tag a", "twice"},
      {"within 1d, within 2d", "twice"},
      {"daily", "does not say"},
      {"tag", "does not say"},
      {"daily 3,", "two commas"},
      {"daily 3,,weekly 2", "two commas"},
      {"dayly 3", "not known"},
      {"daily -1", "no number"},
      {"daily 3x", "no number"},
      {"daily 99999999999999999999", "no number"},
      {"within 14", "no span"},
      {"within d", "no span"},
      {"within 5m", "no span"},
      {"within 99999999y", "no span"},
  };
  for (auto [text, why] : cases) {
    auto policy = RetentionPolicy::Parse(text);
    EXPECT_EQ(policy.status().code(), Code::kInvalidArgument) << text;
    EXPECT_THAT(policy.status().message(), HasSubstr(why)) << text;
    EXPECT_THAT(policy.status().hint(), HasSubstr("--keep")) << text;
  }
  EXPECT_EQ(GroupBy::Parse("host").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(GroupBy::Parse("").status().code(), Code::kInvalidArgument);
  EXPECT_TRUE(GroupBy::Parse("cluster, tags")->tags);
  EXPECT_FALSE(GroupBy::Parse("none")->cluster);
}

TEST_F(RetentionTest, TheNewestOfEachPeriodStays) {
  Add("2026-11-27T10:00:00Z");
  Add("2026-11-27T22:00:00Z");
  Add("2026-11-28T08:00:00Z");
  Add("2026-11-28T09:00:00Z");
  auto kept = Kept("daily 2");
  EXPECT_THAT(kept["2026-11-27T22:00:00Z"], ElementsAre("daily 2026-11-27"));
  EXPECT_THAT(kept["2026-11-28T09:00:00Z"], ElementsAre("daily 2026-11-28"));
  EXPECT_EQ(kept.size(), 2u);
  kept = Kept("last 1, daily 2, weekly 3");
  EXPECT_THAT(kept["2026-11-28T09:00:00Z"],
              ElementsAre("last 1", "daily 2026-11-28", "weekly 2026-W48"));
  EXPECT_THAT(kept["2026-11-27T10:00:00Z"], ElementsAre("weekly 2026-W48 (oldest)"));
}

TEST_F(RetentionTest, PeriodsAreThoseThatHaveSnapshots) {
  Add("2024-02-01T10:00:00Z");
  Add("2025-06-01T10:00:00Z");
  Add("2026-11-28T10:00:00Z");
  EXPECT_EQ(Names("daily 3").size(), 3u) << "days without any do not count";
  EXPECT_EQ(Names("yearly 2").size(), 2u);
}

TEST_F(RetentionTest, WeeksAreThoseOfIso8601) {
  // 31 December 2024 lies in the first week of 2025.
  EXPECT_EQ(PeriodName(Period::kWeek, zone_, Time("2024-12-31T12:00:00Z")), "2025-W01");
  EXPECT_EQ(PeriodName(Period::kWeek, zone_, Time("2027-01-01T12:00:00Z")), "2026-W53");
  EXPECT_EQ(PeriodName(Period::kWeek, zone_, Time("2026-11-29T23:59:59Z")), "2026-W48");
  EXPECT_EQ(PeriodName(Period::kWeek, zone_, Time("2026-11-30T00:00:00Z")), "2026-W49");
}

TEST_F(RetentionTest, DaysAreThoseOfTheZone) {
  Add("2026-11-27T22:30:00Z");
  Add("2026-11-27T23:30:00Z");  // in Berlin half past midnight
  EXPECT_THAT(Names("daily 2"), ElementsAre("2026-11-27T22:30:00Z", "2026-11-27T23:30:00Z"))
      << "the oldest stays while there are too few";
  Add("2026-11-26T01:00:00Z");
  EXPECT_THAT(Names("daily 2"), ElementsAre("2026-11-26T01:00:00Z", "2026-11-27T23:30:00Z"));
  zone_ = *TimeZone::Load("Europe/Berlin");
  EXPECT_THAT(Names("daily 2"), ElementsAre("2026-11-27T22:30:00Z", "2026-11-27T23:30:00Z"));
}

TEST_F(RetentionTest, AnHourThatComesTwiceIsTwoHours) {
  zone_ = *TimeZone::Load("Europe/Berlin");
  Add("2026-10-25T00:10:00Z");  // 02:10 summer time
  Add("2026-10-25T00:50:00Z");
  Add("2026-10-25T01:10:00Z");  // 02:10 again
  Add("2026-10-25T01:50:00Z");
  Add("2026-10-25T02:10:00Z");
  auto kept = Kept("hourly 3");
  EXPECT_THAT(kept["2026-10-25T00:50:00Z"], ElementsAre("hourly 2026-10-25T02"));
  EXPECT_THAT(kept["2026-10-25T01:50:00Z"], ElementsAre("hourly 2026-10-25T02+01:00"));
  EXPECT_THAT(kept["2026-10-25T02:10:00Z"], ElementsAre("hourly 2026-10-25T03"));
  // The day has 25 hours and is one day.
  snapshots_.clear();
  Add("2026-10-24T22:30:00Z");
  Add("2026-10-25T22:30:00Z");
  EXPECT_EQ(Names("daily 1").size(), 1u);
}

TEST_F(RetentionTest, WithinCountsFromTheNewest) {
  Add("2026-11-01T10:00:00Z");
  Add("2026-11-27T09:00:00Z");
  Add("2026-11-27T10:00:00Z");
  Add("2026-11-28T10:00:00Z");
  now_ms_ = Time("2026-11-28T12:00:00Z");
  auto kept = Kept("within 2d");
  EXPECT_EQ(kept.size(), 3u);
  EXPECT_THAT(kept["2026-11-27T09:00:00Z"], ElementsAre("within 2d"));
  EXPECT_EQ(Names("within 1d").size(), 1u) << "exactly a day older is not within";
  kept = Kept("within-daily 3d");
  EXPECT_EQ(kept.size(), 2u);
  EXPECT_THAT(kept["2026-11-27T10:00:00Z"], ElementsAre("within-daily 3d: 2026-11-27"));
}

TEST_F(RetentionTest, SpansThatEndedBeforeTheNewestAreRefused) {
  Add("2026-11-01T10:00:00Z");
  Add("2026-11-28T10:00:00Z");
  now_ms_ = Time("2026-12-20T10:00:00Z");
  EXPECT_THAT(Names("within 14d"), IsEmpty());
  EXPECT_EQ(status_.code(), Code::kInvalidArgument);
  EXPECT_THAT(status_.message(), HasSubstr("shorter than the time since the newest snapshot"));
  EXPECT_EQ(Names("within 14d, daily 1").size(), 1u) << "with something else it means something";
  EXPECT_THAT(warnings_, Contains(HasSubstr("counts from that snapshot")));
  EXPECT_EQ(Names("within 14d, within-daily 60d").size(), 2u);
}

TEST_F(RetentionTest, TaggedOnesStayAndCount) {
  Add("2026-11-01T10:00:00Z", {"gold"});
  Add("2026-11-27T10:00:00Z");
  Add("2026-11-28T10:00:00Z", {"gold", "x"});
  auto kept = Kept("last 1, tag gold");
  EXPECT_EQ(kept.size(), 2u);
  EXPECT_THAT(kept["2026-11-01T10:00:00Z"], ElementsAre("tag gold"));
  EXPECT_THAT(kept["2026-11-28T10:00:00Z"], ElementsAre("last 1", "tag gold"));
  EXPECT_THAT(Names("tag silver"), IsEmpty());
  EXPECT_THAT(status_.message(), HasSubstr("would keep none of the 3 snapshots"));
  EXPECT_EQ(Names("last 1, tag silver").size(), 1u);
  EXPECT_THAT(warnings_, Contains("no snapshot has the tag 'silver'"));
}

TEST_F(RetentionTest, HeldOnesStayAndDoNotCount) {
  Add("2026-11-26T10:00:00Z");
  Add("2026-11-27T10:00:00Z");
  Add("2026-11-28T10:00:00Z").held = true;
  auto kept = Kept("last 1");
  EXPECT_THAT(kept["2026-11-28T10:00:00Z"], ElementsAre("held"));
  EXPECT_THAT(kept["2026-11-27T10:00:00Z"], ElementsAre("last 1"));
  EXPECT_EQ(kept.size(), 2u);
}

TEST_F(RetentionTest, ThoseOfTheFutureStayAndDoNotCount) {
  Add("2026-11-27T10:00:00Z");
  Add("2026-11-28T10:00:00Z");
  Add("2027-11-28T10:00:00Z");
  now_ms_ = Time("2026-11-28T12:00:00Z");
  auto kept = Kept("last 1, within 2d");
  EXPECT_THAT(kept["2027-11-28T10:00:00Z"], ElementsAre("in the future"));
  EXPECT_THAT(kept["2026-11-28T10:00:00Z"], ElementsAre("last 1", "within 2d"));
  EXPECT_EQ(kept.size(), 3u);
  EXPECT_THAT(warnings_, Contains(HasSubstr("a clock was wrong")));
}

TEST_F(RetentionTest, EachGroupByItself) {
  Add("2026-11-01T10:00:00Z", {}, "a");
  Add("2026-11-02T10:00:00Z", {}, "a");
  Add("2026-11-27T10:00:00Z", {"x"}, "b");
  Add("2026-11-28T10:00:00Z", {}, "b");
  EXPECT_THAT(Names("last 1"), ElementsAre("2026-11-02T10:00:00Z", "2026-11-28T10:00:00Z"));
  group_by_ = *GroupBy::Parse("none");
  EXPECT_THAT(Names("last 1"), ElementsAre("2026-11-28T10:00:00Z"));
  group_by_ = *GroupBy::Parse("cluster,tags");
  EXPECT_EQ(Names("last 1").size(), 3u);
  EXPECT_THAT(Names("tag x"), IsEmpty()) << "one group would lose all it has";
  EXPECT_THAT(status_.message(), HasSubstr("cluster a"));
}

// Random times and policies in several zones, against the oracle.
TEST_F(RetentionTest, AgreesWithTheOracle) {
  const uint64_t seed = std::random_device{}();
  std::cout << "seed " << seed << "\n";
  std::mt19937_64 random(seed);
  for (const char* zone :
       {"UTC", "Europe/Berlin", "America/New_York", "Australia/Sydney", "Asia/Kolkata"}) {
    LibcZone libc(zone);
    zone_ = *TimeZone::Load(zone);
    for (int round = 0; round < 40; ++round) {
      snapshots_.clear();
      std::map<std::string, int64_t> times;
      const int64_t span = int64_t{1} << (24 + random() % 12);
      for (uint64_t i = 0; i < 1 + random() % 80; ++i) {
        RetentionSnapshot& snapshot = snapshots_.emplace_back();
        snapshot.id = snapshot.name = std::to_string(1000 + i);
        snapshot.time_ms = now_ms_ - static_cast<int64_t>(random() % static_cast<uint64_t>(span));
        times[snapshot.id] = snapshot.time_ms;
      }
      RetentionPolicy policy;
      std::vector<OracleRule> rules;
      const std::pair<Period, const char*> periods[] = {{Period::kEach, nullptr},
                                                        {Period::kDay, "%F"},
                                                        {Period::kWeek, "%G %V"},
                                                        {Period::kMonth, "%Y %m"},
                                                        {Period::kYear, "%Y"}};
      for (auto [period, format] : periods) {
        if (random() % 2 == 0) continue;
        const size_t count = 1 + random() % 12;
        policy.rules.push_back({KeepRule::Kind::kCount, period, count, 0, {}});
        rules.push_back({format, count});
      }
      if (policy.rules.empty()) continue;
      auto plan = ApplyRetention(policy, snapshots_, {}, zone_, now_ms_);
      ASSERT_TRUE(plan.ok()) << plan.status().ToString();
      std::set<std::string> kept;
      for (const RetentionDecision& decision : plan->groups[0].decisions) {
        if (decision.keep) kept.insert(decision.snapshot->id);
      }
      EXPECT_EQ(kept, OracleKeeps(times, rules)) << zone << " " << policy.Text();
    }
  }
}

}  // namespace
}  // namespace maxbrod::engine
