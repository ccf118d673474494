#include "repo/check.h"

#include <gtest/gtest.h>

#include "repo/offset_maps.h"
#include "repo/repository_testing.h"
#include "store/forwarding_store.h"
#include "store/mem_store.h"

namespace maxbrod::repo {
namespace {

class CheckTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(Repository::Init(*store_, InitOptions{"test"}, context_).ok());
    Reopen();
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(repository_->CommitPacks(TestPack(*store_, "t", 20 * i, 2), context_).ok());
    }
    ASSERT_TRUE(repository_->CommitSnapshot(TestDraft("one", {{"t", 60}}), {}, context_).ok());
    ASSERT_TRUE(repository_->CommitPacks(TestPack(*store_, "t", 60, 1), context_).ok());
    RecordRestore();
  }
  // A finished restore with an offset map.
  void RecordRestore() {
    PartitionOffsetMap map{"t", "t", 0, OffsetMap(0, 60, 100)};
    ASSERT_TRUE(map.map.Add(0, 100, 60).ok());
    auto refs = WriteOffsetMaps(*store_, {map}, context_);
    ASSERT_TRUE(refs.ok()) << refs.status().ToString();
    format::RestoreRecord record;
    record.set_restore_id(TestId(7));
    record.set_state(format::RestoreRecord::DONE);
    for (const auto& ref : *refs) *record.add_offset_maps() = ref;
    ASSERT_TRUE(repository_->CommitRestore(record, context_).ok());
  }
  void Reopen() {
    OpenOptions options;
    options.clock = &clock_;
    options.checkpoint_every = 2;
    auto opened =
        Repository::Open(std::make_unique<store::ForwardingStore>(store_), options, context_);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    repository_ = std::move(*opened);
  }
  CheckReport Check() {
    IndexCache cache;
    auto report = CheckRepository(repository_->log(), cache, context_);
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    return *report;
  }
  std::vector<std::string> Names(const std::string& prefix) {
    auto page = store_->List(prefix, "", 1000, context_);
    std::vector<std::string> out;
    for (const auto& object : page->objects) out.push_back(object.name);
    return out;
  }
  void Damage(const std::string& name) {
    Bytes bytes = *store_->Get(name, SIZE_MAX, context_);
    bytes[bytes.size() / 2] ^= 1;
    ASSERT_TRUE(store_->Overwrite(name, bytes));
  }
  // Exactly one error, at this object.
  void ExpectError(const std::string& name) {
    CheckReport report = Check();
    ASSERT_GE(report.errors.size(), 1u);
    EXPECT_EQ(report.errors[0].object, name);
    EXPECT_EQ(report.Outcome().code(), Code::kCorrupt);
  }

  FakeClock clock_;
  CallContext context_;
  std::shared_ptr<store::MemStore> store_ =
      std::make_shared<store::MemStore>(store::MemStoreOptions{&clock_});
  std::unique_ptr<Repository> repository_;
};

TEST_F(CheckTest, ASoundRepository) {
  CheckReport report = Check();
  EXPECT_TRUE(report.Outcome().ok()) << report.Outcome().ToString();
  EXPECT_EQ(report.commits, 6u);
  EXPECT_EQ(report.checkpoints, 3u);
  EXPECT_EQ(report.snapshots, 1u);
  EXPECT_EQ(report.manifests, 1u);
  EXPECT_EQ(report.offset_maps, 1u);
  EXPECT_EQ(report.packs, 4u);
  EXPECT_TRUE(report.unreferenced.empty());
}

TEST_F(CheckTest, DamageIsNamed) {
  // Each in a fresh copy of the world, so that one does not hide another.
  for (const std::string& name :
       {Names("log/")[2], Names("checkpoint/")[1], Names("manifest/")[0], Names("snapshot/")[0],
        Names("offset-map/")[0], std::string(kConfigCopyName)}) {
    Bytes sound = *store_->Get(name, SIZE_MAX, context_);
    Damage(name);
    ExpectError(name);
    ASSERT_TRUE(store_->Overwrite(name, sound));
  }
  EXPECT_TRUE(Check().Outcome().ok());
}

TEST_F(CheckTest, WhatIsMissingIsNamed) {
  for (const char* prefix : {"l0/", "manifest/", "snapshot/", "offset-map/", "log/"}) {
    std::string name = Names(prefix)[0];
    Bytes sound = *store_->Get(name, SIZE_MAX, context_);
    ASSERT_TRUE(store_->Remove(name, context_).ok());
    ExpectError(name);
    ASSERT_TRUE(store_->PutIfAbsent(name, sound, context_).ok());
  }
}

TEST_F(CheckTest, APackOfAnotherLengthIsNamed) {
  std::string name = Names("l0/")[1];
  Bytes bytes = *store_->Get(name, SIZE_MAX, context_);
  bytes.pop_back();
  ASSERT_TRUE(store_->Overwrite(name, bytes));
  ExpectError(name);
}

TEST_F(CheckTest, WhatNobodyNamesIsListedButNoError) {
  TestPack(*store_, "t", 100, 1);
  CheckReport report = Check();
  EXPECT_TRUE(report.Outcome().ok());
  ASSERT_EQ(report.unreferenced.size(), 1u);
  EXPECT_GT(report.unreferenced_bytes, 0u);
}

TEST_F(CheckTest, ACheckpointThatTheCommitsDoNotGiveIsNamed) {
  // A checkpoint of commit 4 that hides its snapshot: sound as an object.
  State other = *repository_->state();
  auto commit = ReadCommit(*store_, Sequence(4), repository_->log().config().sha256, context_);
  ASSERT_TRUE(commit.ok());
  other.sequence = Sequence(4);
  other.commit_sha256 = commit->sha256;
  other.snapshots.clear();
  Bytes bytes = *EncodeCheckpoint(other, repository_->log().config().sha256, "");
  std::string name = CheckpointName(other.sequence, Sha256String(bytes));
  ASSERT_TRUE(store_->PutIfAbsent(name, bytes, context_).ok());
  ExpectError(name);
}

TEST_F(CheckTest, AFutureHeadIsNamed) {
  clock_.Advance(std::chrono::hours(-2));
  ExpectError(LogName(Sequence(6)));
}

}  // namespace
}  // namespace maxbrod::repo
