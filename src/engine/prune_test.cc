#include "engine/prune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/prune_world_testing.h"

namespace maxbrod::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PruneTest : public PruneWorld {
 protected:
  Result<PruneReport> Try(bool dry_run, std::optional<uint64_t> said = {}) {
    PruneOptions options;
    options.dry_run = dry_run;
    options.yes_delete = said;
    Progress progress;
    return RunPrune(*repository_, options, progress, context_);
  }
  PruneReport Prune(std::optional<uint64_t> said = {}) {
    auto report = Try(false, said);
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    return report.ok() ? *report : PruneReport();
  }
  PruneReport DryRun() {
    auto report = Try(true);
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    return report.ok() ? *report : PruneReport();
  }
  // "one" has topic a, "two" has topic b; each in a pack of its own.
  void TwoSnapshots() {
    Add("a", 0, 2);
    Take("one", 0, {{"a", 20}});
    Add("b", 0, 2);
    Take("two", 0, {{"b", 20}});
  }
  // Those deferred that are no part of the log.
  size_t DeferredData(const PruneReport& report) {
    return static_cast<size_t>(std::count_if(
        report.deferred.begin(), report.deferred.end(), [](const repo::DeferredObject& object) {
          return !object.name.starts_with("log/") && !object.name.starts_with("checkpoint/");
        }));
  }
  std::string Doomed() {
    std::string names;
    for (const auto& [name, object] : repository_->state()->condemned) {
      if (object.doomed()) names += name + " ";
    }
    return names;
  }
};

TEST_F(PruneTest, NothingIsFreeWhileSnapshotsNeedIt) {
  TwoSnapshots();
  Days(30);
  PruneReport report = Prune();
  EXPECT_EQ(report.condemned_objects, 0u);
  EXPECT_TRUE(report.released.empty());
  EXPECT_FALSE(report.needs_number);
  EXPECT_TRUE(Whole("one").ok());
}

TEST_F(PruneTest, DataOfAForgottenSnapshotGoesInTwoPhases) {
  TwoSnapshots();
  ASSERT_TRUE(Forget({"one"}, 1).ok());
  EXPECT_EQ(DryRun().condemned_objects, 0u) << "objects younger than a week may be on their way";
  Days(8);
  PruneReport plan = DryRun();
  ASSERT_EQ(plan.released.size(), 1u);
  EXPECT_EQ(plan.released[0].topic, "a");
  EXPECT_TRUE(plan.released[0].wholly);
  EXPECT_EQ(plan.condemned_objects, 3u) << "its object, its manifest and a pack";
  EXPECT_EQ(plan.condemned_due_ms, clock_.WallMillis() + 7 * repo::kDayMs);
  EXPECT_EQ(Count("l0/"), 2u);
  PruneReport first = Prune(plan.condemned_objects);
  EXPECT_EQ(first.condemned_objects, plan.condemned_objects) << "as the dry run said";
  EXPECT_EQ(first.removed_objects, 0u);
  EXPECT_EQ(first.waiting_objects, plan.condemned_objects);
  EXPECT_EQ(first.next_due_ms, plan.condemned_due_ms);
  EXPECT_EQ(Count("l0/"), 2u);
  Days(6);
  EXPECT_EQ(Prune().removed_objects, 0u);
  Days(2);
  EXPECT_EQ(DryRun().removed_objects, plan.condemned_objects);
  PruneReport second = Prune();
  EXPECT_EQ(second.removed_objects, plan.condemned_objects);
  EXPECT_EQ(store_->removals_of_many, 1) << "with one request";
  EXPECT_GT(second.removed_bytes, 0u);
  EXPECT_EQ(Count("l0/"), 1u);
  EXPECT_TRUE(Whole("two").ok()) << Whole("two").ToString();
  EXPECT_TRUE(repository_->state()->condemned.empty());
}

TEST_F(PruneTest, DataOlderThanEverySnapshotGoesWithThoseThatNameIt) {
  Add("t", 0, 2);
  Take("one", 0, {{"t", 20}});
  Add("t", 20, 2);
  Take("two", 20, {{"t", 40}});
  ASSERT_TRUE(Forget({"one"}).ok());
  Days(8);
  PruneReport first = Prune(DryRun().condemned_objects);
  ASSERT_EQ(first.released.size(), 1u);
  EXPECT_FALSE(first.released[0].wholly);
  Add("t", 40, 1);
  Take("three", 20, {{"t", 50}});  // made after the release, it names nothing older
  ASSERT_TRUE(Forget({"two"}).ok());
  Days(8);
  Prune(DryRun().condemned_objects);
  Days(8);
  Prune(DryRun().condemned_objects);
  EXPECT_EQ(Count("l0/"), 2u);
  EXPECT_TRUE(Whole("three").ok()) << Whole("three").ToString();
}

TEST_F(PruneTest, ADryRunChangesNothing) {
  TwoSnapshots();
  ASSERT_TRUE(Forget({"one"}, 1).ok());
  Days(8);
  std::string head = repository_->head().ToString();
  size_t objects = Count("");
  DryRun();
  EXPECT_EQ(repository_->head().ToString(), head);
  EXPECT_EQ(Count(""), objects);
}

TEST_F(PruneTest, MuchAtOnceHasToBeSaidAloud) {
  TwoSnapshots();
  ASSERT_TRUE(Forget({"one"}, 1).ok());
  Days(8);
  PruneReport plan = DryRun();
  ASSERT_TRUE(plan.needs_number);
  std::string head = repository_->head().ToString();
  auto refused = Try(false);
  EXPECT_EQ(refused.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(refused.status().message(), HasSubstr("% of the bytes stored would go"));
  EXPECT_THAT(refused.status().hint(),
              HasSubstr("--yes-delete " + std::to_string(plan.condemned_objects)));
  EXPECT_EQ(Try(false, plan.condemned_objects + 1).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(repository_->head().ToString(), head) << "nothing was released or condemned";
}

TEST_F(PruneTest, ATopicWithoutAnySnapshotHasToBeSaidAloud) {
  Add("big", 0, 50);
  Add("small", 0, 1);
  Take("both", 0, {{"big", 500}, {"small", 10}});
  Take("big", 0, {{"big", 500}});
  ASSERT_TRUE(Forget({"both"}, 1).ok());
  Days(8);
  PruneReport plan = DryRun();
  ASSERT_EQ(plan.released.size(), 1u);
  EXPECT_TRUE(plan.released[0].wholly);
  auto refused = Try(false);
  EXPECT_THAT(refused.status().message(), HasSubstr("no snapshot has topic 'small' any more"));
  EXPECT_EQ(Prune(plan.condemned_objects).condemned_objects, plan.condemned_objects);
  EXPECT_TRUE(Whole("big").ok());
}

TEST_F(PruneTest, WhatAnInterruptedBackupBroughtStaysAWeek) {
  Add("t", 0, 2);
  Take("one", 0, {{"t", 20}});
  Days(30);
  format::AddPacks packs = repo::TestPack(*store_, "new", 0, 2);
  packs.mutable_topics(0)->mutable_claims(0)->set_read_ended_ms(clock_.WallMillis());
  ASSERT_TRUE(repository_->CommitPacks(packs, context_).ok());
  EXPECT_TRUE(DryRun().released.empty());
  Days(6);
  EXPECT_TRUE(DryRun().released.empty());
  Days(2);
  ASSERT_EQ(DryRun().released.size(), 1u);
  EXPECT_EQ(DryRun().released[0].topic, "new");
}

TEST_F(PruneTest, LockedObjectsAreDeferredAndNeverDoomed) {
  store_->policy = {store::LockMode::kCompliance, 30};
  TwoSnapshots();
  const int64_t locked_until = clock_.WallMillis() + 30 * repo::kDayMs;
  ASSERT_TRUE(Forget({"one"}, 1).ok());
  Days(8);
  Prune(DryRun().condemned_objects);
  Days(8);
  PruneReport report = Prune();
  EXPECT_EQ(report.removed_objects, 0u);
  ASSERT_FALSE(report.deferred.empty());
  EXPECT_EQ(report.deferred[0].until_ms, locked_until);
  EXPECT_GT(report.deferred[0].bytes, 0u);
  EXPECT_EQ(Doomed(), "") << "still to be undone";
  EXPECT_EQ(DeferredData(report), 3u);
  EXPECT_EQ(DeferredData(DryRun()), 3u);
  Days(15);
  PruneReport later = Prune();
  EXPECT_EQ(later.removed_objects, 3u);
  EXPECT_EQ(Count("l0/"), 1u);
  EXPECT_TRUE(Whole("two").ok());
}

TEST_F(PruneTest, ALegalHoldDefersWithoutATime) {
  TwoSnapshots();
  ASSERT_TRUE(Forget({"one"}, 1).ok());
  Days(8);
  Prune(DryRun().condemned_objects);
  const std::string held = repository_->state()->condemned.begin()->first;
  store_->Hold(held);
  Days(8);
  PruneReport report = Prune();
  ASSERT_EQ(report.deferred.size(), 1u);
  EXPECT_EQ(report.deferred[0].name, held);
  EXPECT_EQ(report.deferred[0].until_ms, 0);
  EXPECT_GT(report.removed_objects, 0u);
}

TEST_F(PruneTest, TheLogIsTrimmedUpToTheFirstLock) {
  store_->policy = {store::LockMode::kGovernance, 20};
  for (int i = 0; i < 4; ++i) Add("t", i * 10, 1);
  Days(10);
  for (int i = 4; i < 8; ++i) Add("t", i * 10, 1);
  Take("one", 0, {{"t", 80}});
  size_t commits = Count("log/");
  Days(8);
  PruneReport locked = Prune();
  EXPECT_GT(locked.log_floor, 1u);
  ASSERT_FALSE(locked.deferred.empty());
  EXPECT_GE(Count("log/"), commits);
  Days(3);  // the first ones are free, the later ones are not
  PruneReport report = Prune();
  EXPECT_GT(report.trimmed_objects, 0u);
  EXPECT_THAT(report.deferred.front().name, HasSubstr("log/"));
  EXPECT_LT(Count("log/"), commits);
  EXPECT_TRUE(Whole("one").ok());
  EXPECT_TRUE(repository_->Refresh(context_).ok());
}

TEST_F(PruneTest, APinKeepsWhatIsDue) {
  TwoSnapshots();
  ASSERT_TRUE(Forget({"one"}, 1).ok());
  Days(8);
  Prune(DryRun().condemned_objects);
  format::CommitRecord record;
  record.mutable_pin()->set_id(repo::TestId(1));
  record.mutable_pin()->set_until_ms(clock_.WallMillis() + 20 * repo::kDayMs);
  ASSERT_TRUE(repository_->CommitActions({record}, context_).ok());
  Days(8);
  PruneReport report = Prune();
  EXPECT_EQ(report.removed_objects, 0u);
  EXPECT_EQ(report.pinned_until_ms, record.pin().until_ms());
  Days(13);
  EXPECT_GT(Prune().removed_objects, 0u);
}

TEST_F(PruneTest, ABranchThatNoSnapshotUsesIsReleased) {
  Add("t", 0, 2);
  Take("one", 0, {{"t", 20}});
  // The topic was read again from its start.
  repo::PackBuilder again(*store_);
  format::Branch branch;
  branch.set_id(7);
  branch.set_generation(1);
  again.Block("t", 0, 0, 3, 7).Claim("t", 0, 0, 30, 7).NewBranch(branch);
  ASSERT_TRUE(repository_->CommitPacks(again.packs(), context_).ok());
  repo::SnapshotDraft draft = repo::TestDraft("two", {{"t", 30}});
  draft.topics[0].mutable_partitions(0)->set_branch(7);
  ASSERT_TRUE(repository_->CommitSnapshot(draft, {}, context_).ok());
  ASSERT_TRUE(Forget({"one"}).ok());
  Days(8);
  PruneReport plan = DryRun();
  ASSERT_EQ(plan.released.size(), 1u);
  EXPECT_FALSE(plan.released[0].wholly);
  Prune(plan.condemned_objects);
  draft.header.set_name("three");
  draft.header.clear_id();
  ASSERT_TRUE(repository_->CommitSnapshot(draft, {}, context_).ok());
  ASSERT_TRUE(Forget({"two"}).ok());
  Days(8);
  Prune(DryRun().condemned_objects);
  Days(8);
  Prune(DryRun().condemned_objects);
  EXPECT_EQ(Count("l0/"), 1u);
  EXPECT_TRUE(Whole("three").ok()) << Whole("three").ToString();
}

TEST_F(PruneTest, PacksThatWereLooseWhenTheirClaimsWentGoLater) {
  Add("old", 0, 2);  // of a backup that was never finished
  Days(8);
  Add("t", 0, 2);
  Take("one", 0, {{"t", 20}});
  ASSERT_EQ(DryRun().released.size(), 1u);
  Prune(DryRun().condemned_objects);
  for (int i = 0; i < 4; ++i) {
    Take("snapshot" + std::to_string(i), 0, {{"t", 20}, {"old", 0}});
    Days(8);
    Prune(DryRun().condemned_objects);
  }
  EXPECT_EQ(Count("l0/"), 1u);
  EXPECT_TRUE(Whole("one").ok());
}

using ForgetTest = PruneTest;

TEST_F(ForgetTest, ForgetsByNameAndTellsOfTheReceipt) {
  TwoSnapshots();
  auto report = Forget({"one"}, 1);
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(report->forgotten.size(), 1u);
  EXPECT_THAT(report->last_of, ElementsAre("a"));
  EXPECT_EQ(report->head.ToString(), repository_->head().ToString());
  EXPECT_EQ(repository_->FindSnapshot("one").status().code(), Code::kNotFound);
}

TEST_F(ForgetTest, TheLastOneHasToBeSaidAloud) {
  TwoSnapshots();
  auto refused = Forget({"one", "two"});
  EXPECT_EQ(refused.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(refused.status().message(), HasSubstr("no snapshot would be left"));
  EXPECT_THAT(refused.status().hint(), HasSubstr("--yes-delete 2"));
  EXPECT_EQ(Forget({"one", "two"}, 1).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(repository_->state()->snapshots.size(), 2u);
  EXPECT_TRUE(Forget({"one", "two", "one"}, 2).ok());
  EXPECT_TRUE(repository_->state()->snapshots.empty());
}

TEST_F(ForgetTest, ATopicsLastOneHasToBeSaidAloud) {
  Add("a", 0, 1);
  Add("b", 0, 1);
  Take("both", 0, {{"a", 10}, {"b", 10}});
  Take("a", 0, {{"a", 10}});
  auto refused = Forget({"both"});
  EXPECT_THAT(refused.status().message(), HasSubstr("no other snapshot has the topics 'b'"));
  ForgetOptions options;
  options.snapshots = {"both"};
  options.dry_run = true;
  auto plan = ForgetSnapshots(*repository_, options, context_);
  ASSERT_TRUE(plan.ok());
  EXPECT_THAT(plan->last_of, ElementsAre("b"));
  EXPECT_EQ(repository_->state()->snapshots.size(), 2u);
  EXPECT_TRUE(Forget({"both"}, 1).ok());
}

TEST_F(ForgetTest, HoldsAreRespected) {
  TwoSnapshots();
  format::CommitRecord record;
  record.mutable_hold_snapshot()->set_id(repository_->FindSnapshot("one")->id());
  record.mutable_hold_snapshot()->set_held(true);
  ASSERT_TRUE(repository_->CommitActions({record}, context_).ok());
  auto refused = Forget({"two", "one"}, 2);
  EXPECT_EQ(refused.status().code(), Code::kConflict);
  EXPECT_THAT(refused.status().hint(), HasSubstr("maxbrod release one"));
  EXPECT_EQ(repository_->state()->snapshots.size(), 2u) << "none of them went";
}

}  // namespace
}  // namespace maxbrod::engine
