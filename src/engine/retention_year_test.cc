// A year of daily backups under a fake clock: the policy is applied and prune runs every day, and
// what is kept is compared with an independent oracle at each step.
#include <iostream>

#include "engine/forget_policy.h"
#include "engine/prune.h"
#include "engine/prune_world_testing.h"
#include "engine/retention_oracle_testing.h"
#include "engine/verify_repository.h"
#include "repo/reach.h"

namespace maxbrod::engine {
namespace {

constexpr int64_t kHourMs = 3'600'000;

class RetentionYear : public PruneWorld, public ::testing::WithParamInterface<const char*> {
 protected:
  // The source keeps three days: each snapshot begins where its log began.
  void TakeNow(int day) {
    const std::string name = "s" + std::to_string(1000 + taken_++);
    repo::SnapshotDraft draft = repo::TestDraft(name, {{"t", 10 * (day + 1)}});
    draft.topics[0].mutable_partitions(0)->set_start_offset(std::max(0, 10 * (day - 2)));
    draft.header.set_started_ms(clock_.WallMillis());
    auto receipt = repository_->CommitSnapshot(draft, {}, context_);
    ASSERT_TRUE(receipt.ok()) << receipt.status().ToString();
  }
  void GoTo(int day, int hour) {
    clock_.Advance(Millis(begin_ms_ + (int64_t{24} * day + hour) * kHourMs - clock_.WallMillis()));
  }
  std::map<std::string, int64_t> Times() {
    std::map<std::string, int64_t> out;
    for (const auto& ref : repository_->state()->snapshots) out[ref.name()] = ref.started_ms();
    return out;
  }
  void ForgetAndCompare() {
    const std::map<std::string, int64_t> before = Times();
    auto report = ForgetByPolicy(*repository_, options_, context_);
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    std::set<std::string> kept;
    for (const auto& [name, time] : Times()) kept.insert(name);
    ASSERT_EQ(kept, OracleKeeps(before, {{"%F", 31}, {"%G-W%V", 52}}))
        << "at " << LibcZone::Text(clock_.WallMillis(), "%F %T %z");
    ASSERT_EQ(report->kept, kept.size());
    ASSERT_EQ(report->forgotten, before.size() - kept.size());
  }
  void Prune() {
    Progress progress;
    PruneOptions options;
    auto report = RunPrune(*repository_, options, progress, context_);
    if (report.status().code() == Code::kInvalidArgument) {  // much at once: said aloud
      options.dry_run = true;
      auto plan = RunPrune(*repository_, options, progress, context_);
      ASSERT_TRUE(plan.ok()) << plan.status().ToString();
      options.dry_run = false;
      options.yes_delete = plan->condemned_objects;
      report = RunPrune(*repository_, options, progress, context_);
    }
    ASSERT_TRUE(report.ok()) << report.status().ToString() << report.status().hint();
    removed_bytes_ += report->removed_bytes;
    removed_ += report->removed_objects;
  }
  uint64_t StoredBytes(uint64_t* objects) {
    uint64_t bytes = 0;
    std::string after;
    *objects = 0;
    while (true) {
      auto page = store_->List("", after, 1000, context_);
      for (const auto& info : page->objects) {
        bytes += info.size;
        ++*objects;
        after = info.name;
      }
      if (!page->truncated) return bytes;
    }
  }

  PolicyOptions options_;
  const int64_t begin_ms_ = clock_.WallMillis();
  int taken_ = 0;
  uint64_t removed_ = 0, removed_bytes_ = 0;
};

TEST_P(RetentionYear, KeepsWhatTheOracleKeepsAndFreesTheRest) {
  LibcZone libc(GetParam());
  options_.zone = *TimeZone::Load(GetParam());
  options_.policy = *RetentionPolicy::Parse("daily 31, weekly 52");
  for (int day = 0; day < 366; ++day) {
    Add("t", 10 * day, 1);
    // At odd hours, so that local days are not those of UTC; on some days every six hours.
    if (day % 30 < 3) {
      for (int hour : {2, 8, 14}) {
        GoTo(day, hour);
        TakeNow(day);
      }
    }
    GoTo(day, 20 + day * 7919 % 5);
    TakeNow(day);
    if (HasFatalFailure()) return;
    ForgetAndCompare();
    if (HasFatalFailure()) return;
    // Every day in one zone, now and then in the others, for the time that it takes.
    if (day % (GetParam() == std::string("UTC") ? 1 : 15) == 0) Prune();
    if (HasFatalFailure()) return;
  }
  uint64_t before = 0, objects = 0;
  before = StoredBytes(&objects);
  const uint64_t objects_before = objects;
  for (int i = 0; i < 3; ++i) {
    Days(8);
    Prune();
  }
  const uint64_t after = StoredBytes(&objects);
  Progress progress;
  auto verified = VerifyRepository(*repository_, VerifyOptions(), progress, context_);
  ASSERT_TRUE(verified.ok()) << verified.status().ToString();
  EXPECT_TRUE(verified->Outcome().ok()) << verified->Outcome().ToString();
  EXPECT_EQ(verified->unreferenced_objects, 0u) << "everything that should be free is";
  EXPECT_TRUE(repository_->state()->condemned.empty());
  for (const auto& ref : repository_->state()->snapshots) {
    EXPECT_TRUE(repo::ReadWhole(*repository_, ref).ok()) << ref.name();
  }
  std::cout << GetParam() << ": " << taken_ << " snapshots taken, "
            << repository_->state()->snapshots.size() << " kept, " << Count("l0/") << " packs; "
            << removed_ << " objects (" << removed_bytes_
            << " bytes) removed in the year; at its end " << objects_before << " objects, "
            << before << " bytes, three prunes later " << objects << " objects, " << after
            << " bytes; " << verified->records << " records verified\n";
  EXPECT_LT(repository_->state()->snapshots.size(), 90u);
  EXPECT_GT(removed_, 300u);
  EXPECT_LT(Count("l0/"), 250u) << "days that no snapshot has any more";
}

INSTANTIATE_TEST_SUITE_P(Zones, RetentionYear,
                         ::testing::Values("UTC", "Europe/Berlin", "America/New_York",
                                           "Australia/Lord_Howe"),
                         [](const auto& zone) {
                           std::string name = zone.param;
                           for (char& c : name)
                             c = isalnum(static_cast<unsigned char>(c)) ? c : '_';
                           return name;
                         });

class PolicyTest : public PruneWorld {
 protected:
  void TakeAt(const std::string& name, int days_ago, const std::vector<std::string>& tags = {}) {
    repo::SnapshotDraft draft = repo::TestDraft(name, {{"t", 10}});
    draft.header.set_started_ms(clock_.WallMillis() - days_ago * repo::kDayMs);
    for (const std::string& tag : tags) draft.header.add_tags(tag);
    ASSERT_TRUE(repository_->CommitSnapshot(draft, {}, context_).ok());
  }
  void SetUp() override {
    PruneWorld::SetUp();
    Add("t", 0, 1);
    TakeAt("old", 20, {"gold"});
    TakeAt("middle", 10);
    TakeAt("new", 1);
  }
  Result<PolicyReport> Apply(const std::string& policy) {
    auto parsed = RetentionPolicy::Parse(policy);
    if (!parsed.ok()) return parsed.status();
    options_.policy = *parsed;
    return ForgetByPolicy(*repository_, options_, context_);
  }
  std::vector<std::string> Names() {
    std::vector<std::string> out;
    for (const auto& ref : repository_->state()->snapshots) out.push_back(ref.name());
    return out;
  }
  PolicyOptions options_;
};

TEST_F(PolicyTest, ForgetsInOneCommitAndTellsWhy) {
  options_.dry_run = true;
  const std::string head = repository_->head().ToString();
  auto plan = Apply("last 1, tag gold");
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  EXPECT_EQ(plan->forgotten, 1u);
  EXPECT_EQ(repository_->head().ToString(), head);
  options_.dry_run = false;
  const uint64_t commits = repository_->state()->sequence.value();
  auto report = Apply("last 1, tag gold");
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(Names(), (std::vector<std::string>{"old", "new"}));
  EXPECT_EQ(repository_->state()->sequence.value(), commits + 1);
  auto again = Apply("last 1, tag gold");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->forgotten, 0u);
  EXPECT_EQ(repository_->state()->sequence.value(), commits + 1) << "nothing to do, no commit";
}

TEST_F(PolicyTest, NothingThatMeansNothingRemovesAnything) {
  for (const char* policy : {"", "daily 0", "tag silver", "last 1,", "within 1h"}) {
    EXPECT_EQ(Apply(policy).status().code(), Code::kInvalidArgument) << policy;
  }
  EXPECT_EQ(Names().size(), 3u);
  options_.tags = {"silver"};
  EXPECT_EQ(Apply("last 1").status().code(), Code::kNotFound);
  options_.tags = {"gold"};
  auto only = Apply("last 1");
  ASSERT_TRUE(only.ok()) << only.status().ToString();
  EXPECT_EQ(only->others, 2u);
  EXPECT_EQ(Names().size(), 3u) << "others are not looked at";
}

// Prune is killed at each of its writes: the next one goes on, and nothing is lost.
TEST_F(PolicyTest, HalfPrunedSnapshotsAreNoHarm) {
  for (int i = 0; i < 6; ++i) {
    Add("t", 10 + 10 * i, 1);
    repo::SnapshotDraft draft = repo::TestDraft("more" + std::to_string(i), {{"t", 20 + 10 * i}});
    draft.topics[0].mutable_partitions(0)->set_start_offset(10 + 10 * i);
    draft.header.set_started_ms(clock_.WallMillis());
    ASSERT_TRUE(repository_->CommitSnapshot(draft, {}, context_).ok());
    Days(1);
  }
  ASSERT_TRUE(Apply("last 1").ok());
  int failures = 0;
  std::string last;
  Progress progress;
  for (int round = 0; round < 4; ++round) {
    Days(8);
    PruneOptions options;
    options.dry_run = true;
    auto plan = RunPrune(*repository_, options, progress, context_);
    ASSERT_TRUE(plan.ok()) << plan.status().ToString();
    bool done = false;
    for (int writes = 0; !done; ++writes) {
      options.dry_run = true;
      auto now = RunPrune(*repository_, options, progress, context_);
      ASSERT_TRUE(now.ok()) << now.status().ToString();
      options.dry_run = false;
      options.yes_delete = now->condemned_objects;
      store_->writes_until_death = writes;
      auto pruned = RunPrune(*repository_, options, progress, context_);
      done = pruned.ok();
      last = pruned.status().ToString();
      store_->writes_until_death = -1;
      if (!done) ++failures;
      auto verified = VerifyRepository(*repository_, VerifyOptions(), progress, context_);
      ASSERT_TRUE(verified.ok()) << verified.status().ToString();
      ASSERT_TRUE(verified->Outcome().ok()) << verified->Outcome().ToString();
      for (const auto& ref : repository_->state()->snapshots) {
        ASSERT_TRUE(repo::ReadWhole(*repository_, ref).ok()) << ref.name();
      }
      ASSERT_LT(writes, 400) << last;
    }
  }
  EXPECT_GT(failures, 10);
  EXPECT_EQ(Count("l0/"), 1u);
  EXPECT_EQ(Names().size(), 1u);
}

}  // namespace
}  // namespace maxbrod::engine
