#include "engine/locks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/prune_world_testing.h"
#include "repo/commit_codec.h"

namespace maxbrod::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LocksTest : public PruneWorld {
 protected:
  void SetUp() override {
    PruneWorld::SetUp();
    Add("t", 0, 2);
    Take("one", 0, {{"t", 20}});
    options_.policy = {store::LockMode::kCompliance, 30};
  }
  Result<LocksReport> Try(bool extend) {
    options_.extend = extend;
    Progress progress;
    return RunLocks(*repository_, options_, progress, context_);
  }
  LocksReport Run(bool extend) {
    auto report = Try(extend);
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    return report.ok() ? *report : LocksReport();
  }
  int64_t Left(const std::string& name) {
    auto standing = store_->Standing(name, context_);
    return standing.ok() ? (standing->retain_until_ms - clock_.WallMillis()) / 86'400'000 : -1;
  }

  LockOptions options_;
};

TEST_F(LocksTest, ShowsWhatHasNoLock) {
  LocksReport report = Run(false);
  EXPECT_EQ(report.objects, Count("")) << "nothing in it is of no use";
  EXPECT_EQ(report.unlocked, report.objects);
  EXPECT_EQ(report.to_extend, report.objects);
  EXPECT_EQ(report.extended, 0u);
  EXPECT_EQ(store_->retained, 0);
  EXPECT_EQ(report.head_requests, report.objects);
  EXPECT_EQ(report.list_requests, 1u);
  EXPECT_NEAR(report.dollars,
              0.000005 * static_cast<double>(1 + report.objects) +
                  0.0000004 * static_cast<double>(report.objects),
              1e-12);
  std::vector<std::string> kinds;
  for (const LockedKind& kind : report.kinds) kinds.push_back(kind.kind);
  EXPECT_THAT(kinds, ElementsAre("config", "l0", "log", "manifest", "snapshot"));
}

TEST_F(LocksTest, ExtendsOnlyWhatHasLessThanHalfLeft) {
  LocksReport first = Run(true);
  EXPECT_EQ(first.extended, first.objects);
  EXPECT_EQ(Left("config"), 30);
  EXPECT_EQ(Run(true).extended, 0u);
  Days(14);
  LocksReport later = Run(false);
  EXPECT_EQ(later.ending, 0u);
  EXPECT_EQ(later.unlocked, 1u) << "the small pack, whose period is short";
  Days(2);
  Add("t", 20, 1);
  LocksReport report = Run(true);
  EXPECT_EQ(report.extended, report.objects);
  EXPECT_EQ(report.unlocked, 4u)
      << "the small pack's ran out; a pack, a commit and a checkpoint are new";
  EXPECT_EQ(Left("config"), 30);
}

TEST_F(LocksTest, WhatTheStateDoesNotNeedIsLeftAlone) {
  Run(true);
  repo::TestPack(*store_, "t", 100, 1);  // an orphan
  Take("two", 0, {{"t", 20}});
  ASSERT_TRUE(Forget({"one"}).ok());
  LocksReport report = Run(false);
  EXPECT_EQ(Count("") - report.objects, 2u) << "the orphan, and the snapshot that was forgotten";
}

TEST_F(LocksTest, MissingObjectsAreTold) {
  const std::string gone = store_->List("manifest/", "", 1, context_)->objects[0].name;
  repository_->index_cache();  // the manifest stays in memory, so that the walk gets that far
  ASSERT_TRUE(Try(false).ok());
  ASSERT_TRUE(store_->Remove(gone, context_).ok());
  LocksReport report = Run(false);
  EXPECT_THAT(report.missing, ElementsAre(gone));
}

TEST_F(LocksTest, AStrongerModeIsAskedForAndAWeakerOneNever) {
  options_.policy.mode = store::LockMode::kGovernance;
  Run(true);
  options_.policy.mode = store::LockMode::kCompliance;
  LocksReport report = Run(true);
  EXPECT_EQ(report.weaker, report.objects);
  EXPECT_EQ(report.extended, report.objects);
  EXPECT_EQ(store_->Standing("config", context_)->lock, store::LockMode::kCompliance);
  options_.policy.mode = store::LockMode::kGovernance;
  Days(20);
  Run(true);
  EXPECT_EQ(store_->Standing("config", context_)->lock, store::LockMode::kCompliance);
}

TEST_F(LocksTest, AShorterPeriodShortensNothing) {
  Run(true);
  options_.policy.days = 3;
  Days(1);
  Run(true);
  EXPECT_EQ(Left("config"), 29);
  EXPECT_EQ(
      store_->Retain("config", store::LockMode::kCompliance, clock_.WallMillis() + 1'000, context_)
          .code(),
      Code::kPermission);
}

TEST_F(LocksTest, AfterARefusalAnotherRunGoesOn) {
  options_.threads = 1;
  store_->refuse_retain_after = 3;
  auto refused = Try(true);
  EXPECT_EQ(refused.status().code(), Code::kPermission);
  EXPECT_THAT(refused.status().message(), HasSubstr("the lock was not extended"));
  EXPECT_EQ(store_->retained, 3);
  LocksReport report = Run(true);
  EXPECT_EQ(report.extended, report.objects - 3);
}

TEST_F(LocksTest, SaysWhatIsLacking) {
  options_.policy = {};
  EXPECT_EQ(Try(false).status().code(), Code::kInvalidArgument);
}

TEST_F(LocksTest, WritersAreToldWhenLocksHaveRunOut) {
  store_->policy = {store::LockMode::kCompliance, 30};
  auto write = [&] {
    warnings_.clear();
    repo::OpenOptions options;
    options.clock = &clock_;
    options.warn = [this](const std::string& text) { warnings_ += text + "\n"; };
    auto opened =
        repo::Repository::Open(std::make_unique<store::ForwardingStore>(store_), options, context_);
    ASSERT_TRUE(opened.ok());
    ASSERT_TRUE((*opened)->CommitPacks(repo::TestPack(*store_, "t", 20, 1), context_).ok());
  };
  write();
  EXPECT_THAT(warnings_, HasSubstr("'config' is not under lock"));
  ASSERT_TRUE(repository_->Refresh(context_).ok());
  Run(true);
  write();
  EXPECT_EQ(warnings_, "");
}

}  // namespace
}  // namespace maxbrod::engine
