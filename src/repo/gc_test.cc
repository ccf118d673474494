#include "repo/gc.h"

#include <gtest/gtest.h>

#include "repo/check.h"
#include "repo/crypto_testing.h"
#include "repo/offset_maps.h"
#include "repo/reach.h"
#include "repo/repository_testing.h"
#include "store/fault_store.h"
#include "store/forwarding_store.h"
#include "store/mem_store.h"

namespace maxbrod::repo {
namespace {

class GcTest : public ::testing::TestWithParam<bool> {
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
  void Begin() { repository_ = Open(); }
  std::unique_ptr<Repository> Open() {
    OpenOptions options;
    options.keys = &source_;
    options.clock = &clock_;
    options.checkpoint_every = 3;
    auto opened =
        Repository::Open(std::make_unique<store::ForwardingStore>(store_), options, context_);
    EXPECT_TRUE(opened.ok()) << opened.status().ToString();
    return std::move(*opened);
  }
  void Days(int days) { clock_.Advance(std::chrono::hours(24 * days)); }
  void Take(const std::string& name, int64_t end) {
    auto receipt = repository_->CommitSnapshot(TestDraft(name, {{"t", end}}), {}, context_);
    ASSERT_TRUE(receipt.ok()) << receipt.status().ToString();
  }
  void Add(int64_t start, int batches) {
    auto receipt = repository_->CommitPacks(TestPack(*store_, "t", start, batches), context_);
    ASSERT_TRUE(receipt.ok()) << receipt.status().ToString();
  }
  Status Act(Repository& repository, const format::CommitRecord& action) {
    return repository.CommitActions({action}, context_).status();
  }
  format::CommitRecord Forget(const std::string& name) {
    format::CommitRecord record;
    record.mutable_forget_snapshot()->set_id(repository_->FindSnapshot(name)->id());
    return record;
  }
  uint64_t Condemn() {
    auto report = CondemnUnreachable(repository_->log(), repository_->index_cache(), {}, context_);
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    return report.ok() ? report->objects : 0;
  }
  uint64_t Sweep() {
    auto report = SweepCondemned(repository_->log(), {}, context_);
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    return report.ok() ? report->objects : 0;
  }
  uint64_t Trim() {
    auto report = TrimOldLog(repository_->log(), {}, context_);
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    return report.ok() ? report->objects : 0;
  }
  size_t Count(const std::string& prefix) {
    return store_->List(prefix, "", 1000, context_)->objects.size();
  }
  Status Whole(const std::string& name) {
    auto fresh = Open();
    auto ref = fresh->FindSnapshot(name);
    return ref.ok() ? ReadWhole(*fresh, *ref) : ref.status();
  }

  FakeClock clock_;
  CallContext context_;
  KeySource source_ = GetParam() ? TestKeySource(5) : KeySource();
  std::shared_ptr<store::MemStore> raw_ =
      std::make_shared<store::MemStore>(store::MemStoreOptions{&clock_});
  std::shared_ptr<store::Store> store_ = raw_;  // with the keys, where there are any
  std::unique_ptr<Repository> repository_;
};

TEST_P(GcTest, AbandonedObjectsGoAfterTheirAgeAndTheirGrace) {
  TestPack(*store_, "t", 0, 1);
  EXPECT_EQ(Condemn(), 0u) << "it may be on its way into a commit";
  Days(7);
  EXPECT_EQ(Condemn(), 1u);
  EXPECT_EQ(Condemn(), 0u);
  EXPECT_EQ(Sweep(), 0u);
  Days(6);
  EXPECT_EQ(Sweep(), 0u);
  Days(1);
  EXPECT_EQ(Sweep(), 1u);
  EXPECT_EQ(Count("l0/"), 0u);
  EXPECT_TRUE(repository_->state()->condemned.empty());
  EXPECT_EQ(repository_->state()->gc_epoch, 1u);
}

TEST_P(GcTest, WhatIsReachableStays) {
  Add(0, 2);
  Take("one", 20);
  Add(20, 2);
  Days(30);
  EXPECT_EQ(Condemn(), 0u);
  EXPECT_TRUE(Whole("one").ok());
}

TEST_P(GcTest, AForgottenSnapshotLeavesWhatOthersNeed) {
  Add(0, 2);
  Take("one", 20);
  Add(20, 2);
  Take("two", 40);
  ASSERT_TRUE(Act(*repository_, Forget("one")).ok());
  Days(8);
  EXPECT_EQ(Condemn(), 2u) << "its object and its manifest, not the packs";
  Days(8);
  EXPECT_EQ(Sweep(), 2u);
  EXPECT_TRUE(Whole("two").ok());
  EXPECT_EQ(Count("l0/"), 2u);
}

TEST_P(GcTest, ReleasedBlocksGoWithTheLastSnapshotThatNamesThem) {
  Add(0, 2);
  Add(20, 2);
  Take("one", 40);
  auto receipt = ReleaseBelow(repository_->log(), repository_->index_cache(), MakeTopicKey("", "t"),
                              {{0, 20}}, context_);
  ASSERT_TRUE(receipt.ok()) << receipt.status().ToString();
  const BranchInfo* branch =
      repository_->state()->FindTopic(MakeTopicKey("", "t"))->partitions.at(0).Current();
  EXPECT_FALSE(branch->covered.Covers(0, 20));
  EXPECT_TRUE(branch->covered.Covers(20, 40));
  Days(8);
  EXPECT_EQ(Condemn(), 0u) << "the snapshot still names them";
  EXPECT_TRUE(Whole("one").ok());
  ASSERT_TRUE(Act(*repository_, Forget("one")).ok());
  EXPECT_EQ(Condemn(), 3u) << "snapshot, old manifest, first pack";
  Take("two", 40);
  auto two = repository_->ReadSnapshot(*repository_->FindSnapshot("two"), context_);
  ASSERT_EQ(two->topics[0].partitions(0).gaps_size(), 1);
  EXPECT_EQ(two->topics[0].partitions(0).gaps(0).end_offset(), 20);
}

TEST_P(GcTest, AYoungManifestProtectsItsPacks) {
  // Somebody has stored a manifest that names an old pack and is about to commit it.
  PackBuilder builder(*store_);
  builder.Block("t", 0, 0, 1);
  Days(8);
  std::vector<BlockEntry> entries = builder.sealed()[0].blocks;
  for (BlockEntry& entry : entries) entry.place.DropChecks();
  auto refs =
      WriteManifests(*store_, TopicId(), "t", {}, {builder.sealed()[0].ref}, entries, context_);
  ASSERT_TRUE(refs.ok()) << refs.status().ToString();
  EXPECT_EQ(Condemn(), 0u);
  Days(7);
  EXPECT_EQ(Condemn(), 2u) << "together";
}

// A snapshot is planned upon a manifest; before its commit gets in, a merge replaces that manifest,
// the other snapshot that named it is forgotten, and prune comes along.
class SnapshotInFlightTest : public GcTest {
 protected:
  // Errors that a check finds afterwards.
  uint64_t Run(const GcOptions& gc) {
    Add(0, 2);
    Days(8);  // the pack is old, the manifest will be young
    Take("zero", 20);
    auto faults = std::make_shared<store::FaultStore>(store_, clock_);
    OpenOptions options;
    options.keys = &source_;
    options.clock = &clock_;
    auto slow =
        Repository::Open(std::make_unique<store::ForwardingStore>(faults), options, context_);
    EXPECT_TRUE(slow.ok());
    faults->On(store::StoreMethod::kPutIfAbsent).For("log/").Before([&] {
      Merge();
      EXPECT_TRUE(Act(*repository_, Forget("zero")).ok());
      EXPECT_TRUE(
          CondemnUnreachable(repository_->log(), repository_->index_cache(), gc, context_).ok());
    });
    auto receipt = (*slow)->CommitSnapshot(TestDraft("one", {{"t", 20}}), {}, context_);
    EXPECT_TRUE(receipt.ok()) << receipt.status().ToString();
    EXPECT_TRUE(faults->AllFired()) << faults->Unfired();
    IndexCache cache;
    return CheckRepository((*slow)->log(), cache, context_)->error_count;
  }
  // The same block in another pack, and a manifest that names only that one.
  void Merge() {
    PackBuilder builder(*store_);
    builder.Block("t", 0, 0, 2);
    std::vector<BlockEntry> entries = builder.sealed()[0].blocks;
    for (BlockEntry& entry : entries) entry.place.DropChecks();
    auto refs =
        WriteManifests(*store_, TopicId(), "t", {}, {builder.sealed()[0].ref}, entries, context_);
    ASSERT_TRUE(refs.ok()) << refs.status().ToString();
    format::CommitRecord set;
    set.mutable_set_manifests()->set_topic("t");
    for (const format::ObjectRef& ref : *refs) *set.mutable_set_manifests()->add_manifests() = ref;
    ASSERT_TRUE(Act(*repository_, set).ok());
  }
};

TEST_P(SnapshotInFlightTest, AMergeAndAPruneDoNotBreakIt) {
  EXPECT_EQ(Run({}), 0u);
  EXPECT_TRUE(Whole("one").ok());
}

TEST_P(SnapshotInFlightTest, WithoutProtectionOfYoungManifestsTheyWould) {
  GcOptions gc;
  gc.young_manifests_protect = false;
  EXPECT_GT(Run(gc), 0u);
}

TEST_P(GcTest, APinKeepsWhatIsCondemned) {
  TestPack(*store_, "t", 0, 1);
  Days(8);
  EXPECT_EQ(Condemn(), 1u);
  format::CommitRecord pin;
  pin.mutable_pin()->set_id(TestId(1));
  pin.mutable_pin()->set_until_ms(clock_.WallMillis() + 10 * kDayMs);
  ASSERT_TRUE(Act(*repository_, pin).ok());
  Days(8);
  EXPECT_EQ(Sweep(), 0u);
  Days(2);
  EXPECT_EQ(Sweep(), 1u);
}

TEST_P(GcTest, CondemnedPacksAreNotCommitted) {
  format::AddPacks packs = TestPack(*store_, "t", 0, 1);
  Days(8);
  EXPECT_EQ(Condemn(), 1u);
  EXPECT_EQ(repository_->CommitPacks(packs, context_).status().code(), Code::kConflict);
  Days(8);
  EXPECT_EQ(Sweep(), 1u);
  EXPECT_EQ(repository_->CommitPacks(packs, context_).status().code(), Code::kConflict)
      << "they are gone, and the log does not tell any more";
}

TEST_P(GcTest, AMistakeIsUndoneByAReprieve) {
  TestPack(*store_, "t", 0, 1);
  Days(8);
  EXPECT_EQ(Condemn(), 1u);
  std::string name = repository_->state()->condemned.begin()->first;
  ASSERT_TRUE(Act(*repository_, SplitNames(NamesKind::kReprieve, {name}, 0)[0]).ok());
  Days(8);
  EXPECT_EQ(Sweep(), 0u);
}

TEST_P(GcTest, AHoldBeatsAForgetEvenWhenItsObjectsAreCondemned) {
  Add(0, 2);
  Take("one", 20);
  auto holder = Open();  // knows the snapshot
  format::CommitRecord hold;
  hold.mutable_hold_snapshot()->set_id(repository_->FindSnapshot("one")->id());
  hold.mutable_hold_snapshot()->set_held(true);
  ASSERT_TRUE(Act(*repository_, Forget("one")).ok());
  Days(8);
  EXPECT_EQ(Condemn(), 1u);
  Status status = Act(*holder, hold);
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_TRUE(holder->FindSnapshot("one")->held());
  Days(8);
  EXPECT_EQ(Sweep(), 0u);
  EXPECT_TRUE(Whole("one").ok());
}

TEST_P(GcTest, AHoldThatComesTooLateSaysSo) {
  Take("one", 0);
  auto holder = Open();
  format::CommitRecord hold;
  hold.mutable_hold_snapshot()->set_id(repository_->FindSnapshot("one")->id());
  hold.mutable_hold_snapshot()->set_held(true);
  ASSERT_TRUE(Act(*repository_, Forget("one")).ok());
  Days(8);
  Condemn();
  Days(8);
  EXPECT_EQ(Sweep(), 1u);
  EXPECT_EQ(Act(*holder, hold).code(), Code::kNotFound);
}

TEST_P(GcTest, ForgettingWhatSomebodyElseForgotIsSuccess) {
  Take("one", 0);
  auto other = Open();
  format::CommitRecord forget = Forget("one");
  ASSERT_TRUE(Act(*repository_, forget).ok());
  EXPECT_TRUE(Act(*other, forget).ok());
  EXPECT_EQ(Act(*other, forget).code(), Code::kNotFound) << "by now it knew";
}

TEST_P(GcTest, TheLogIsTrimmedBelowAnOldCheckpoint) {
  for (int i = 0; i < 7; ++i) Add(10 * i, 1);  // checkpoints at 3 and 6
  EXPECT_EQ(Trim(), 0u) << "no checkpoint is old enough";
  Days(8);
  EXPECT_EQ(Trim(), 6u + 1u) << "commits 1 to 6, the checkpoint of 3";
  EXPECT_EQ(repository_->state()->log_floor, 7u);
  EXPECT_EQ(Open()->state()->sequence, Sequence(8));
  EXPECT_EQ(Trim(), 0u);
  // A stray of a writer that slept: nobody reads it, the next trim removes it.
  Bytes stray = *store_->Get(LogName(Sequence(7)), SIZE_MAX, context_);
  ASSERT_TRUE(store_->PutIfAbsent(LogName(Sequence(2)), stray, context_).ok());
  EXPECT_EQ(Open()->state()->sequence, Sequence(8));
  EXPECT_EQ(Trim(), 1u);
}

TEST_P(GcTest, NothingIsTrimmedBelowADamagedCheckpoint) {
  for (int i = 0; i < 3; ++i) Add(10 * i, 1);
  auto checkpoints = ListCheckpoints(*store_, 10, context_);
  ASSERT_EQ(checkpoints->size(), 1u);
  ASSERT_TRUE(raw_->Overwrite(checkpoints->front().name, Bytes(100)));
  Days(8);
  EXPECT_EQ(Trim(), 0u);
  EXPECT_EQ(Open()->state()->sequence, Sequence(3));
}

TEST_P(GcTest, OffsetMapsLiveAsLongAsARestoreNamesThem) {
  PartitionOffsetMap map{"t", "t", 0, OffsetMap(0, 10, 0)};
  ASSERT_TRUE(map.map.Add(0, 0, 10).ok());
  auto named = WriteOffsetMaps(*store_, {map}, context_);
  auto abandoned = WriteOffsetMaps(*store_, {map}, context_);
  ASSERT_TRUE(named.ok() && abandoned.ok());
  format::RestoreRecord record;
  record.set_restore_id(TestId(1));
  record.set_state(format::RestoreRecord::DONE);
  *record.add_offset_maps() = named->front();
  ASSERT_TRUE(repository_->CommitRestore(record, context_).ok());
  EXPECT_EQ(Count("offset-map/"), 2u);
  Days(8);
  EXPECT_EQ(Condemn(), 1u);
  // What prune has condemned meanwhile cannot be named any more.
  record.set_restore_id(TestId(2));
  *record.mutable_offset_maps(0) = abandoned->front();
  EXPECT_EQ(repository_->CommitRestore(record, context_).status().code(), Code::kConflict);
  Days(8);
  EXPECT_EQ(Sweep(), 1u);
  EXPECT_EQ(Count("offset-map/"), 1u);
  EXPECT_EQ(repository_->CommitRestore(record, context_).status().code(), Code::kConflict)
      << "gone";
  auto maps = ReadOffsetMaps(*store_, repository_->state()->restores.at(TestId(1)), context_);
  ASSERT_TRUE(maps.ok()) << maps.status().ToString();
  EXPECT_EQ(*maps, std::vector{map});
  // The record that replaces it names none: the map is nobody's now.
  record.set_restore_id(TestId(1));
  record.clear_offset_maps();
  ASSERT_TRUE(repository_->CommitRestore(record, context_).ok());
  EXPECT_EQ(Condemn(), 1u);
}

INSTANTIATE_TEST_SUITE_P(PlainAndEncrypted, GcTest, ::testing::Bool());
INSTANTIATE_TEST_SUITE_P(PlainAndEncrypted, SnapshotInFlightTest, ::testing::Bool());

}  // namespace
}  // namespace maxbrod::repo
