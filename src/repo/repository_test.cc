#include "repo/repository.h"

#include <gtest/gtest.h>

#include "repo/commit_codec.h"
#include "repo/crypto_testing.h"
#include "repo/repository_testing.h"
#include "store/forwarding_store.h"
#include "store/mem_store.h"

namespace maxbrod::repo {
namespace {

// Two processes on one store.
class RepositoryTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    InitOptions init{"test", {}};
    if (GetParam()) init.slots.push_back({&source_.secret, {}});
    ASSERT_TRUE(Repository::Init(*raw_, init, context_).ok());
    auto config = ReadConfig(*raw_, {}, context_);
    ASSERT_TRUE(config.ok());
    if (!GetParam()) return Begin();
    auto keys = Unlock(*raw_, config->config, source_, context_);
    ASSERT_TRUE(keys.ok()) << keys.status().ToString();
    store_ = std::make_shared<Vault>(raw_, *keys);
    Begin();
  }
  void Begin() {
    a_ = Open();
    b_ = Open();
  }

  std::unique_ptr<Repository> Open() {
    auto repository =
        Repository::Open(std::make_unique<store::ForwardingStore>(store_), Options(), context_);
    EXPECT_TRUE(repository.ok()) << repository.status().ToString();
    return std::move(*repository);
  }
  OpenOptions Options() {
    OpenOptions options;
    options.keys = &source_;
    options.program = "test";
    options.clock = &clock_;
    options.seed = 1;
    return options;
  }

  void Commit(Repository& repository, const format::AddPacks& packs) {
    auto receipt = repository.CommitPacks(packs, context_);
    ASSERT_TRUE(receipt.ok()) << receipt.status().ToString();
  }
  void TakeSnapshot(Repository& repository, const SnapshotDraft& draft,
                    const format::AddPacks& packs = {}) {
    auto receipt = repository.CommitSnapshot(draft, packs, context_);
    ASSERT_TRUE(receipt.ok()) << receipt.status().ToString();
  }
  Snapshot Read(Repository& repository, const std::string& name) {
    auto ref = repository.FindSnapshot(name);
    EXPECT_TRUE(ref.ok()) << ref.status().ToString();
    auto snapshot = repository.ReadSnapshot(*ref, context_);
    EXPECT_TRUE(snapshot.ok()) << snapshot.status().ToString();
    return *snapshot;
  }
  // "from-to@commit ..." of a partition's blocks.
  std::string Uses(Repository& repository, const format::TopicSnapshot& topic,
                   int32_t partition = 0) {
    auto blocks = repository.ReadTopicBlocks(topic, context_);
    EXPECT_TRUE(blocks.ok()) << blocks.status().ToString();
    std::string out;
    for (const BlockUse& use : blocks->partitions[partition]) {
      out += (out.empty() ? "" : " ") + std::to_string(use.use_from) + "-" +
             std::to_string(use.use_to) + "@" + std::to_string(use.entry.commit);
    }
    return out;
  }

  FakeClock clock_;
  CallContext context_;
  KeySource source_ = GetParam() ? TestKeySource(5) : KeySource();
  std::shared_ptr<store::MemStore> raw_ =
      std::make_shared<store::MemStore>(store::MemStoreOptions{&clock_});
  std::shared_ptr<store::Store> store_ = raw_;  // with the keys, where there are any
  std::unique_ptr<Repository> a_;
  std::unique_ptr<Repository> b_;
};

TEST_P(RepositoryTest, InitTwiceIsRefused) {
  EXPECT_EQ(Repository::Init(*store_, InitOptions{"test"}, context_).code(), Code::kAlreadyExists);
}

TEST_P(RepositoryTest, OpenWithoutInitSaysHow) {
  auto none = Repository::Open(std::make_unique<store::MemStore>(), Options(), context_);
  EXPECT_EQ(none.status().code(), Code::kNotFound);
  EXPECT_NE(none.status().hint().find("maxbrod init"), std::string::npos);
}

TEST_P(RepositoryTest, AnotherRepositoryThanExpectedIsRefused) {
  OpenOptions options = Options();
  options.expect_repository_id = std::string(32, '0');
  auto other =
      Repository::Open(std::make_unique<store::ForwardingStore>(store_), options, context_);
  EXPECT_EQ(other.status().code(), Code::kConflict);
}

TEST_P(RepositoryTest, BackupAndReadBack) {
  Commit(*a_, TestPack(*store_, "t", 0, 3));
  TakeSnapshot(*a_, TestDraft("one", {{"t", 50}}), TestPack(*store_, "t", 30, 2));
  Snapshot snapshot = Read(*Open(), "one");
  ASSERT_EQ(snapshot.topics.size(), 1u);
  EXPECT_EQ(Uses(*a_, snapshot.topics[0]), "0-30@1 30-50@2");
  EXPECT_EQ(snapshot.topics[0].partitions(0).records(), 50u);
  EXPECT_EQ(snapshot.header.stats().records(), 50u);
  EXPECT_EQ(snapshot.header.stats().topics(), 1u);
  EXPECT_GT(snapshot.header.stats().stored_bytes(), 0u);
  EXPECT_EQ(snapshot.topics[0].partitions(0).gaps_size(), 0);
  EXPECT_TRUE(a_->state()->loose_packs.empty());
  Status whole = ReadWhole(*a_, snapshot.ref);
  EXPECT_TRUE(whole.ok()) << whole.ToString();
}

TEST_P(RepositoryTest, IncrementalSnapshotsShareBlocks) {
  TakeSnapshot(*a_, TestDraft("one", {{"t", 30}, {"u", 20}}),
               PackBuilder(*store_)
                   .Block("t", 0, 0, 3)
                   .Claim("t", 0, 0, 30)
                   .Block("u", 0, 0, 2)
                   .Claim("u", 0, 0, 20)
                   .packs());
  TakeSnapshot(*b_, TestDraft("two", {{"t", 50}, {"u", 20}}), TestPack(*store_, "t", 30, 2));
  Snapshot one = Read(*b_, "one");
  Snapshot two = Read(*b_, "two");
  EXPECT_EQ(Uses(*b_, one.topics[0]), "0-30@1");
  EXPECT_EQ(Uses(*b_, two.topics[0]), "0-30@1 30-50@3");
  EXPECT_NE(one.topics[0].manifests(0).sha256(), two.topics[0].manifests(0).sha256());
  EXPECT_EQ(one.topics[1].manifests(0).sha256(), two.topics[1].manifests(0).sha256())
      << "the manifest of a topic without news stays";
  EXPECT_EQ(two.topics[1].partitions(0).records(), 20u);
  EXPECT_EQ(two.header.stats().records(), 70u);
}

TEST_P(RepositoryTest, WhatWasNotReadIsAGap) {
  SnapshotDraft draft = TestDraft("one", {{"t", 60}});
  format::Gap* known = draft.topics[0].mutable_partitions(0)->add_gaps();
  known->set_start_offset(30);
  known->set_end_offset(40);
  known->set_reason("retention");
  TakeSnapshot(*a_, draft,
               PackBuilder(*store_)
                   .Block("t", 0, 10, 2)
                   .Claim("t", 0, 10, 30)
                   .Block("t", 0, 40, 2)
                   .Claim("t", 0, 40, 60)
                   .packs());
  Snapshot snapshot = Read(*a_, "one");
  const format::PartitionSnapshot& partition = snapshot.topics[0].partitions(0);
  ASSERT_EQ(partition.gaps_size(), 2);
  EXPECT_EQ(partition.gaps(0).start_offset(), 0);
  EXPECT_EQ(partition.gaps(0).end_offset(), 10);
  EXPECT_NE(partition.gaps(0).reason(), "");
  EXPECT_EQ(partition.gaps(1).start_offset(), 30);
  EXPECT_EQ(partition.gaps(1).reason(), "retention");
  EXPECT_EQ(snapshot.header.stats().gaps(), 2u);
}

TEST_P(RepositoryTest, EmptyPartitionsNeedNoClaims) {
  TakeSnapshot(*a_, TestDraft("empty", {{"t", 0}}));
  Snapshot snapshot = Read(*a_, "empty");
  EXPECT_EQ(snapshot.topics[0].partitions(0).gaps_size(), 0);
  EXPECT_EQ(Uses(*a_, snapshot.topics[0]), "");
}

TEST_P(RepositoryTest, OverlappingClaimsGiveEachOffsetOnce) {
  Commit(*a_, TestPack(*store_, "t", 0, 4));   // 0-40
  Commit(*b_, TestPack(*store_, "t", 20, 4));  // 20-60: half of it is new
  Commit(*a_, TestPack(*store_, "t", 10, 2));  // 10-30: nothing new
  Commit(*b_, TestPack(*store_, "t", 50, 5));  // 50-100
  TakeSnapshot(*a_, TestDraft("one", {{"t", 90}}));
  Snapshot snapshot = Read(*a_, "one");
  EXPECT_EQ(Uses(*a_, snapshot.topics[0]), "0-40@1 40-60@2 60-90@4");
  EXPECT_EQ(snapshot.topics[0].partitions(0).records(), 90u);
  EXPECT_TRUE(ReadWhole(*a_, snapshot.ref).ok());
}

TEST_P(RepositoryTest, StartOfASnapshotCutsOldBlocksOff) {
  Commit(*a_, TestPack(*store_, "t", 0, 2));
  Commit(*a_, TestPack(*store_, "t", 20, 2));
  SnapshotDraft draft = TestDraft("one", {{"t", 40}});
  draft.topics[0].mutable_partitions(0)->set_start_offset(25);
  TakeSnapshot(*a_, draft);
  EXPECT_EQ(Uses(*a_, Read(*a_, "one").topics[0]), "25-40@2");
}

TEST_P(RepositoryTest, BranchesSharePastOfTheirParents) {
  Commit(*a_, TestPack(*store_, "t", 0, 5));  // the root, 0-50
  format::Branch fork;
  fork.set_id(7);
  fork.set_has_parent(true);
  fork.set_fork_offset(30);
  fork.set_reason("truncated at 30");
  Commit(*a_, PackBuilder(*store_)
                  .Block("t", 0, 30, 4, 7)
                  .Claim("t", 0, 30, 70, 7)
                  .NewBranch(fork)
                  .packs());
  SnapshotDraft draft = TestDraft("forked", {{"t", 70}});
  draft.topics[0].mutable_partitions(0)->set_branch(7);
  TakeSnapshot(*a_, draft);
  TakeSnapshot(*a_, TestDraft("root", {{"t", 50}}));
  Snapshot forked = Read(*a_, "forked");
  EXPECT_EQ(forked.topics[0].branches_used_size(), 2);
  EXPECT_EQ(Uses(*a_, forked.topics[0]), "0-30@1 30-70@2");
  EXPECT_EQ(forked.topics[0].partitions(0).gaps_size(), 0);
  EXPECT_EQ(Uses(*a_, Read(*a_, "root").topics[0]), "0-50@1");
}

TEST_P(RepositoryTest, BaseGenerationsOfCompactedTopicsStandAlone) {
  format::Branch first;
  first.set_id(1);
  first.set_compacted(true);
  format::Branch second = first;
  second.set_id(2);
  second.set_generation(1);
  Commit(
      *a_,
      PackBuilder(*store_).Block("t", 0, 0, 3, 1).Claim("t", 0, 0, 30, 1).NewBranch(first).packs());
  Commit(*a_, PackBuilder(*store_)
                  .Block("t", 0, 0, 5, 2)
                  .Claim("t", 0, 0, 50, 2)
                  .NewBranch(second)
                  .packs());
  SnapshotDraft draft = TestDraft("one", {{"t", 50}});
  draft.topics[0].mutable_partitions(0)->set_branch(2);
  TakeSnapshot(*a_, draft);
  Snapshot snapshot = Read(*a_, "one");
  EXPECT_EQ(Uses(*a_, snapshot.topics[0]), "0-50@2");
  EXPECT_EQ(snapshot.topics[0].partitions(0).generation(), 1u);
}

TEST_P(RepositoryTest, UnknownBranchesAreRefusedBeforeTheyAreStored) {
  auto receipt = a_->CommitPacks(
      PackBuilder(*store_).Block("t", 0, 0, 1, 9).Claim("t", 0, 0, 10, 9).packs(), context_);
  EXPECT_EQ(receipt.status().code(), Code::kConflict);
  EXPECT_EQ(Open()->head().sequence, Sequence(0)) << "nothing may be in the log";
}

TEST_P(RepositoryTest, SnapshotNamesAreUnique) {
  TakeSnapshot(*a_, TestDraft("one", {}));
  EXPECT_EQ(b_->CommitSnapshot(TestDraft("one", {}), {}, context_).status().code(),
            Code::kAlreadyExists);
}

TEST_P(RepositoryTest, SnapshotsAreFoundByNameIdAndLatest) {
  TakeSnapshot(*a_, TestDraft("monday", {}));
  TakeSnapshot(*a_, TestDraft("tuesday", {}));
  auto tuesday = a_->FindSnapshot("latest");
  ASSERT_TRUE(tuesday.ok());
  EXPECT_EQ(tuesday->name(), "tuesday");
  std::string id = ToHex(AsBytes(tuesday->id()));
  EXPECT_EQ(a_->FindSnapshot(id.substr(0, 8))->name(), "tuesday");
  EXPECT_EQ(a_->FindSnapshot(id)->name(), "tuesday");
  auto none = a_->FindSnapshot("tuseday");
  EXPECT_EQ(none.status().code(), Code::kNotFound);
  EXPECT_EQ(none.status().hint(), "did you mean 'tuesday'?");
}

TEST_P(RepositoryTest, AmbiguousIdsAreRefused) {
  for (const char* name : {"a", "b"}) {
    SnapshotDraft draft = TestDraft(name, {});
    draft.header.set_id(TestId(static_cast<uint8_t>(name[0])));
    TakeSnapshot(*a_, draft);
  }
  EXPECT_EQ(a_->FindSnapshot("0000").status().code(), Code::kInvalidArgument);
}

TEST_P(RepositoryTest, CommittingTheSamePacksTwiceIsOnce) {
  format::AddPacks packs = TestPack(*store_, "t", 0, 2);
  Commit(*a_, packs);
  Commit(*a_, packs);
  EXPECT_EQ(a_->head().sequence, Sequence(1));
  EXPECT_EQ(a_->state()->loose_packs.size(), 1u);
}

TEST_P(RepositoryTest, AMissingPackIsNotCommitted) {
  format::AddPacks packs = TestPack(*store_, "t", 0, 2);
  ASSERT_TRUE(store_->Remove(PackName(packs.packs(0)), context_).ok());
  EXPECT_EQ(a_->CommitPacks(packs, context_).status().code(), Code::kConflict);
}

TEST_P(RepositoryTest, ThePacksInHandNeedNotBeReadBack) {
  PackBuilder builder(*store_);
  builder.Block("t", 0, 0, 2).Claim("t", 0, 0, 20);
  a_->Remember(builder.sealed()[0]);
  Commit(*a_, builder.packs());
  // Its index is unreadable: only memory can serve it.
  std::string name = PackName(builder.packs().packs(0));
  ASSERT_TRUE(raw_->Overwrite(name, Bytes(builder.packs().packs(0).length(), 0)));
  TakeSnapshot(*a_, TestDraft("one", {{"t", 20}}));
}

TEST_P(RepositoryTest, LargeTopicsSpanSeveralRecords) {
  SnapshotDraft draft = TestDraft("large", {{"t", 0}});
  for (int32_t i = 1; i < 30'000; ++i) {
    auto* partition = draft.topics[0].add_partitions();
    partition->set_partition(i);
    partition->set_leader_epoch(i);
    for (int32_t replica = 0; replica < 3; ++replica) {
      partition->add_replicas(replica);
      partition->add_isr(replica);
    }
  }
  format::GroupSnapshot& group = draft.groups.emplace_back();
  group.set_group("g");
  for (int32_t i = 0; i < 30'000; ++i) {
    auto* offset = group.add_offsets();
    offset->set_topic(std::string(60, 't'));
    offset->set_partition(i);
    offset->set_offset(i);
  }
  TakeSnapshot(*a_, draft);
  Snapshot snapshot = Read(*a_, "large");
  ASSERT_EQ(snapshot.topics.size(), 1u);
  ASSERT_EQ(snapshot.topics[0].partitions_size(), 30'000);
  EXPECT_EQ(snapshot.topics[0].partitions(29'999).leader_epoch(), 29'999);
  ASSERT_EQ(snapshot.groups.size(), 1u);
  EXPECT_EQ(snapshot.groups[0].offsets(29'999).offset(), 29'999);
}

TEST_P(RepositoryTest, ManyClaimsSpanSeveralRecords) {
  format::AddPacks packs;
  for (int t = 0; t < 20; ++t) {
    auto* topic = packs.add_topics();
    topic->set_topic("topic-" + std::to_string(t));
    for (int32_t i = 0; i < 5000; ++i) {
      auto* claim = topic->add_claims();
      claim->set_partition(i);
      claim->set_end_offset(i);
      claim->set_read_started_ms(1'700'000'000'000);
    }
  }
  Commit(*a_, packs);
  std::shared_ptr<const State> state = Open()->state();
  ASSERT_EQ(state->topics.size(), 20u);
  for (const auto& [key, topic] : state->topics) EXPECT_EQ(topic->partitions.size(), 5000u);
}

TEST_P(RepositoryTest, AForgottenSnapshotIsGoneAndAHeldOneStays) {
  TakeSnapshot(*a_, TestDraft("one", {}));
  TakeSnapshot(*a_, TestDraft("two", {}));
  std::vector<format::CommitRecord> forget(1);
  forget[0].mutable_forget_snapshot()->set_id(a_->FindSnapshot("one")->id());
  ASSERT_TRUE(a_->CommitActions(forget, context_).ok());
  EXPECT_FALSE(a_->FindSnapshot("one").ok());

  std::vector<format::CommitRecord> hold(1);
  hold[0].mutable_hold_snapshot()->set_id(a_->FindSnapshot("two")->id());
  hold[0].mutable_hold_snapshot()->set_held(true);
  ASSERT_TRUE(a_->CommitActions(hold, context_).ok());
  forget[0].mutable_forget_snapshot()->set_id(a_->FindSnapshot("two")->id());
  EXPECT_EQ(b_->CommitActions(forget, context_).status().code(), Code::kConflict);
  EXPECT_EQ(b_->CommitActions(hold, context_).status().code(), Code::kOk);
}

TEST_P(RepositoryTest, ARestoreOnlyGoesForward) {
  TakeSnapshot(*a_, TestDraft("one", {}));
  format::RestoreRecord record;
  record.set_restore_id(TestId(1));
  record.set_snapshot_id(a_->FindSnapshot("one")->id());
  ASSERT_TRUE(a_->CommitRestore(record, context_).ok());
  record.set_state(format::RestoreRecord::DONE);
  ASSERT_TRUE(a_->CommitRestore(record, context_).ok());
  record.set_state(format::RestoreRecord::CREATED);
  EXPECT_EQ(b_->CommitRestore(record, context_).status().code(), Code::kConflict);
  record.set_restore_id(TestId(2));
  record.set_state(format::RestoreRecord::BEGUN);
  record.set_snapshot_id(TestId(99));
  EXPECT_EQ(b_->CommitRestore(record, context_).status().code(), Code::kNotFound);
}

INSTANTIATE_TEST_SUITE_P(PlainAndEncrypted, RepositoryTest, ::testing::Bool());

}  // namespace
}  // namespace maxbrod::repo
