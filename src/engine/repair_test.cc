#include "engine/repair.h"

#include <gmock/gmock.h>

#include "engine/prune.h"
#include "engine/prune_world_testing.h"
#include "engine/stats.h"
#include "engine/verify_repository.h"

namespace maxbrod::engine {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RepairTest : public PruneWorld {
 protected:
  void SetUp() override {
    PruneWorld::SetUp();
    Add("t", 0, 2);
    Take("one", 0, {{"t", 20}});
    Add("t", 20, 2);
    Add("u", 0, 1);
    Take("two", 0, {{"t", 40}, {"u", 10}});
  }
  // With empty caches, as the next process has them.
  void Reopen() {
    repo::OpenOptions options;
    options.clock = &clock_;
    options.warn = [](const std::string&) {};
    auto opened =
        repo::Repository::Open(std::make_unique<store::ForwardingStore>(store_), options, context_);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    repository_ = std::move(*opened);
  }
  std::vector<std::string> NamesOf(const std::string& prefix) {
    std::vector<std::string> out;
    for (const auto& info : store_->List(prefix, "", 1000, context_)->objects) {
      out.push_back(info.name);
    }
    return out;
  }
  // Cuts an object short.
  void Cut(const std::string& name, size_t bytes) {
    Bytes stored = *store_->Get(name, 64 * kMiB, context_);
    ASSERT_TRUE(store_->Remove(name, context_).ok());
    stored.resize(bytes);
    ASSERT_TRUE(store_->PutIfAbsent(name, stored, context_).ok());
  }
  Result<RepairReport> Repair(std::optional<uint64_t> lose = {}, bool dry_run = false) {
    Progress progress;
    RepairOptions options;
    options.dry_run = dry_run;
    options.yes_lose = lose;
    options.read_data = true;
    return RunRepair(*repository_, options, progress, context_);
  }
  void ExpectVerified() {
    Reopen();
    Progress progress;
    auto report = VerifyRepository(*repository_, VerifyOptions(), progress, context_);
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    EXPECT_TRUE(report->Outcome().ok()) << report->Outcome().ToString();
  }
  // The pack that holds the topic's block at `offset`.
  std::string PackAt(const std::string& topic, int64_t offset) {
    auto state = repository_->state();
    for (const auto& ref : state->FindTopic(repo::MakeTopicKey("", topic))->manifests) {
      auto shard = repository_->index_cache().Manifest(*store_, ref, context_);
      for (const repo::BlockEntry& entry : (*shard)->entries) {
        if (entry.stats.first_offset == offset) {
          return repo::PackName((*shard)->packs[entry.pack]);
        }
      }
    }
    ADD_FAILURE() << "no block";
    return "";
  }
};

TEST_F(RepairTest, ASoundRepositoryIsLeftAlone) {
  const std::string head = repository_->head().ToString();
  auto report = Repair();
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_THAT(report->items, IsEmpty());
  EXPECT_FALSE(report->changed);
  EXPECT_EQ(repository_->head().ToString(), head);
}

TEST_F(RepairTest, ManifestsAreRebuiltFromPacks) {
  for (const std::string& name : NamesOf("manifest/")) {
    ASSERT_TRUE(store_->Remove(name, context_).ok());
  }
  Reopen();
  const size_t objects = Count("");
  auto plan = Repair({}, true);
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  EXPECT_THAT(plan->lost, IsEmpty());
  EXPECT_EQ(Count(""), objects) << "a dry run";
  auto report = Repair();
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_TRUE(report->changed);
  EXPECT_EQ(report->lossy_snapshots.size(), 2u);
  ExpectVerified();
  EXPECT_TRUE(Whole("one").ok());
  EXPECT_TRUE(Whole("two").ok());
}

TEST_F(RepairTest, AMissingPackIsGivenUpOnlyWhenSaid) {
  ASSERT_TRUE(store_->Remove(PackAt("t", 20), context_).ok());
  Reopen();
  const std::string head = repository_->head().ToString();
  auto refused = Repair();
  EXPECT_EQ(refused.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(refused.status().hint(), HasSubstr("--yes-lose 1"));
  EXPECT_EQ(Repair(2).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(repository_->head().ToString(), head);
  auto report = Repair(1);
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  ASSERT_EQ(report->lost.size(), 1u);
  EXPECT_EQ(report->lost[0].start_offset, 20);
  EXPECT_EQ(report->lost[0].end_offset, 40);
  ExpectVerified();
  EXPECT_TRUE(Whole("one").ok());
  auto two = repository_->ReadSnapshot(*repository_->FindSnapshot("two"), context_);
  ASSERT_TRUE(two.ok());
  const format::PartitionSnapshot& partition = two->FindTopic("t")->partitions(0);
  ASSERT_EQ(partition.gaps_size(), 1);
  EXPECT_THAT(partition.gaps(0).reason(), HasSubstr("given up by repair"));
  EXPECT_EQ(two->header.stats().gaps(), 1u);
  // The claim is taken back: the next backup reads it again.
  auto topic = repository_->state()->FindTopic(repo::MakeTopicKey("", "t"));
  EXPECT_FALSE(topic->partitions.at(0).Current()->covered.Covers(20, 40));
  Add("t", 20, 2);
  Take("three", 0, {{"t", 40}});
  EXPECT_TRUE(Whole("three").ok()) << Whole("three").ToString();
  auto three = repository_->ReadSnapshot(*repository_->FindSnapshot("three"), context_);
  EXPECT_EQ(three->FindTopic("t")->partitions(0).gaps_size(), 0);
}

TEST_F(RepairTest, WhatCanBeReadOfACutPackIsSaved) {
  const std::string name = PackAt("t", 0);
  const uint64_t size = store_->Stat(name, context_)->size;
  Cut(name, static_cast<size_t>(size - 5));  // the index is gone, the blocks are not
  Reopen();
  auto report = Repair();
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_THAT(report->lost, IsEmpty());
  EXPECT_GT(report->copied_bytes, 0u);
  ExpectVerified();
  EXPECT_TRUE(Whole("one").ok());
  EXPECT_TRUE(Whole("two").ok());
}

TEST_F(RepairTest, ConfigsAndCheckpoints) {
  ASSERT_TRUE(store_->Remove("config", context_).ok());
  Cut("config.copy", 20);
  ASSERT_TRUE(store_->PutIfAbsent("config", repository_->log().config().stored, context_).ok());
  for (const std::string& name : NamesOf("checkpoint/")) Cut(name, 30);
  auto report = Repair();
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_TRUE(report->changed);
  EXPECT_EQ(*store_->Get("config.copy", kMiB, context_), repository_->log().config().stored);
  Reopen();
  auto again = Repair({}, true);
  ASSERT_TRUE(again.ok());
  for (const RepairItem& item : again->items) EXPECT_THAT(item.object, HasSubstr("checkpoint/"));
}

TEST_F(RepairTest, ALooseDamagedPackIsReadAgain) {
  Add("t", 40, 1);
  const std::string name = repo::PackName(repository_->state()->loose_packs[0].pack());
  ASSERT_TRUE(store_->Remove(name, context_).ok());
  Reopen();
  auto report = Repair(1);
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_TRUE(repository_->state()->loose_packs.empty());
  ExpectVerified();
}

TEST_F(RepairTest, ASnapshotObjectHasNoCureHere) {
  const std::string name =
      "snapshot/" + ToHex(AsBytes(repository_->FindSnapshot("one")->object().sha256()));
  ASSERT_TRUE(store_->Remove(name, context_).ok());
  Reopen();
  auto report = Repair();
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(report->incurable, 1u);
  EXPECT_THAT(report->items[0].cure, HasSubstr("maxbrod forget one"));
}

TEST_F(RepairTest, StatsTellLiveAndDead) {
  auto report = CollectStats(*repository_, false, context_);
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(report->records, 50u);
  EXPECT_EQ(report->dead_bytes, 0u);
  EXPECT_EQ(report->dollars_per_month, 0);
  ASSERT_EQ(report->topics.size(), 2u);
  EXPECT_EQ(report->topics[0].topic, "t");
  EXPECT_GT(CollectStats(*repository_, true, context_)->dollars_per_month, 0);
}

}  // namespace
}  // namespace maxbrod::engine
