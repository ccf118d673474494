#include "engine/restore_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/user_time.h"
#include "engine/point_snapshot.h"
#include "engine/prune.h"
#include "engine/prune_world_testing.h"
#include "engine/thaw_testing.h"
#include "engine/timeline.h"
#include "repo/state_at.h"

namespace maxbrod::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Topics with ids, read at times.
class PointTest : public PruneWorld {
 protected:
  static std::string Id(uint8_t n) { return repo::TestId(n); }

  // Commits [start, start + 10 * batches) of partition 0 of a topic with an id.
  void AddOf(uint8_t id, const std::string& topic, int64_t start, int batches, uint64_t branch = 0,
             const format::Branch* begins = nullptr) {
    repo::TestBlock block =
        repo::MakeBlock(topic, 0, start, std::vector<size_t>(static_cast<size_t>(batches), 20));
    block.owner.topic_id = TopicId{repo::UuidFromString(Id(id))};
    block.owner.branch = branch;
    repo::PackOptions options;
    options.small = small_;
    format::AddPacks packs;
    *packs.add_packs() = repo::WritePack(*store_, {block}, options).ref;
    format::TopicClaims* claims = packs.add_topics();
    claims->set_topic(topic);
    claims->set_topic_id(Id(id));
    format::RangeClaim* claim = claims->add_claims();
    claim->set_branch(branch);
    claim->set_start_offset(start);
    claim->set_end_offset(start + 10 * batches);
    claim->set_read_started_ms(clock_.WallMillis());
    claim->set_read_ended_ms(clock_.WallMillis());
    if (begins != nullptr) *claim->mutable_new_branch() = *begins;
    auto receipt = repository_->CommitPacks(packs, context_);
    ASSERT_TRUE(receipt.ok()) << receipt.status().ToString();
  }
  // Of [start, end) of partition 0, with a group that stands at the end.
  void TakeOf(const std::string& name, uint8_t id, const std::string& topic, int64_t end,
              int64_t start = 0) {
    repo::SnapshotDraft draft = repo::TestDraft(name, {{topic, end}});
    draft.header.set_started_ms(clock_.WallMillis());
    draft.header.set_finished_ms(clock_.WallMillis());
    draft.topics[0].set_topic_id(Id(id));
    draft.topics[0].set_replication_factor(3);
    draft.topics[0].mutable_partitions(0)->set_start_offset(start);
    format::GroupSnapshot& group = draft.groups.emplace_back();
    group.set_group("readers");
    format::GroupOffset* offset = group.add_offsets();
    offset->set_topic(topic);
    offset->set_offset(end);
    auto receipt = repository_->CommitSnapshot(draft, {}, context_);
    ASSERT_TRUE(receipt.ok()) << receipt.status().ToString();
  }
  Result<RestoreSource> Find(const std::string& text, const std::vector<std::string>& ids = {}) {
    return FindRestoreSource(*repository_, text, ids, reading_, context_);
  }
  // The ends of its topics' first partitions, after all that it promises was read.
  std::map<std::string, int64_t> EndsAt(const std::string& text,
                                        const std::vector<std::string>& ids = {}) {
    auto source = Find(text, ids);
    EXPECT_TRUE(source.ok()) << source.status().ToString();
    if (!source.ok()) return {};
    Status whole = repo::ReadWhole(*repository_, source->ref);
    EXPECT_TRUE(whole.ok()) << whole.ToString();
    std::map<std::string, int64_t> ends;
    auto snapshot = repository_->ReadSnapshot(source->ref, context_);
    for (const auto& topic : snapshot->topics)
      ends[topic.topic()] = topic.partitions(0).end_offset();
    return ends;
  }
  Status Refused(const std::string& text, const std::vector<std::string>& ids = {}) {
    return Find(text, ids).status();
  }
  uint64_t Head() { return repository_->head().sequence.value(); }
  static std::string At(uint64_t commit) { return "@" + std::to_string(commit); }
  std::string Time(int64_t plus_ms = 0) {
    return "@" + FormatUserTime(clock_.WallMillis() + plus_ms);
  }
  using Ends = std::map<std::string, int64_t>;
  bool small_ = true;  // packs, which no lifecycle rule moves
  Progress progress_;
  ColdReading reading_{{}, "the restore", clock_, progress_};
};

// What an interrupted backup left has its index in the pack alone.
TEST_F(PointTest, IndexesThatHaveBecomeColdAreThawed) {
  small_ = false;
  AddOf(1, "orders", 0, 2);
  TakeOf("one", 1, "orders", 20);
  AddOf(1, "orders", 20, 3);
  auto archive = std::make_shared<ArchiveStore>(store_, clock_);
  archive->MovePacksTo("GLACIER");
  archive->set_thaw_time(std::chrono::hours(4));
  repo::OpenOptions options;
  options.clock = &clock_;
  auto opened =
      repo::Repository::Open(std::make_unique<store::ForwardingStore>(archive), options, context_);
  ASSERT_TRUE(opened.ok()) << opened.status().ToString();
  repository_ = std::move(*opened);
  Status cold = Refused(At(Head()));
  EXPECT_EQ(cold.code(), Code::kUnavailable);
  EXPECT_THAT(cold.hint(), HasSubstr("--thaw"));
  EXPECT_THAT(archive->requests(), IsEmpty());

  reading_.thaw.tier = store::ThawTier::kStandard;
  EXPECT_EQ(Refused(At(Head())).code(), Code::kIncomplete);
  EXPECT_EQ(archive->requests().size(), 1u);
  reading_.thaw.wait = true;
  auto source = Find(At(Head()));
  ASSERT_TRUE(source.ok()) << source.status().ToString();
  auto snapshot = repository_->ReadSnapshot(source->ref, context_);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status().ToString();
  EXPECT_EQ(snapshot->topics[0].partitions(0).end_offset(), 50);
}

TEST_F(PointTest, EachCommitHoldsWhatWasStoredByThen) {
  AddOf(1, "orders", 0, 2);
  uint64_t first = Head();
  TakeOf("one", 1, "orders", 20);
  uint64_t taken = Head();
  AddOf(1, "orders", 20, 3);  // an interrupted backup
  uint64_t interim = Head();
  AddOf(1, "orders", 50, 1);
  TakeOf("two", 1, "orders", 60);
  EXPECT_EQ(EndsAt(At(first)), (Ends{{"orders", 20}}));
  EXPECT_EQ(EndsAt(At(taken)), (Ends{{"orders", 20}}));
  EXPECT_EQ(EndsAt(At(interim)), (Ends{{"orders", 50}}));
  EXPECT_EQ(EndsAt(At(Head())), (Ends{{"orders", 60}}));
  // Nothing was written for it.
  EXPECT_EQ(Find(At(interim))->commit, Sequence(interim));
  EXPECT_FALSE(Find(At(interim))->condemned);
}

TEST_F(PointTest, LoosePacksAreReadBeforeAnybodyFoldsThem) {
  AddOf(1, "orders", 0, 2);
  TakeOf("one", 1, "orders", 20);
  AddOf(1, "orders", 20, 3);
  size_t manifests = Count("manifest/");
  EXPECT_EQ(EndsAt(At(Head())), (Ends{{"orders", 50}}));
  EXPECT_EQ(Count("manifest/"), manifests);
}

TEST_F(PointTest, ATimeIsTheNewestCommitAtOrBeforeIt) {
  AddOf(1, "orders", 0, 2);
  int64_t early = clock_.WallMillis();
  clock_.Advance(Millis(3'600'000));
  TakeOf("one", 1, "orders", 20);
  AddOf(1, "orders", 20, 3);
  uint64_t second = Head();
  clock_.Advance(Millis(3'600'000));
  AddOf(1, "orders", 50, 1);
  EXPECT_EQ(EndsAt("@" + FormatUserTime(early)), (Ends{{"orders", 20}}));
  EXPECT_EQ(EndsAt(Time(-1)), (Ends{{"orders", 50}}));
  EXPECT_EQ(Find(Time(-1))->commit, Sequence(second));
  EXPECT_EQ(EndsAt(Time()), (Ends{{"orders", 60}}));
  EXPECT_EQ(EndsAt("@" + std::to_string(clock_.WallMillis())), (Ends{{"orders", 60}}));
}

TEST_F(PointTest, BeforeTheFirstAndAfterTheLastDataIsRefusedWithTheBounds) {
  EXPECT_EQ(Refused("@1").code(), Code::kNotFound);
  EXPECT_EQ(Refused(Time()).code(), Code::kInvalidArgument);
  // A commit without data: a pin.
  format::CommitRecord pin;
  pin.mutable_pin()->set_id(repo::TestId(9));
  pin.mutable_pin()->set_until_ms(clock_.WallMillis() + 1000);
  ASSERT_TRUE(repository_->CommitActions({pin}, context_).ok());
  int64_t begun = clock_.WallMillis();
  clock_.Advance(Millis(60'000));
  AddOf(1, "orders", 0, 2);
  Status none = Refused("@1");
  EXPECT_EQ(none.code(), Code::kInvalidArgument);
  EXPECT_THAT(none.message(),
              HasSubstr("the first came with commit 2 of " + FormatUserTime(clock_.WallMillis())));
  Status before = Refused("@" + FormatUserTime(begun - 1));
  EXPECT_EQ(before.code(), Code::kInvalidArgument);
  EXPECT_THAT(before.message(), HasSubstr("commit 1 of " + FormatUserTime(begun)));
  Status after = Refused(Time(1));
  EXPECT_EQ(after.code(), Code::kInvalidArgument);
  EXPECT_THAT(after.message(), HasSubstr("commit 2 of " + FormatUserTime(clock_.WallMillis())));
  EXPECT_THAT(Refused("@3").message(), HasSubstr("commits 1 to 2"));
  EXPECT_EQ(Refused("@yesterday").code(), Code::kInvalidArgument);
  EXPECT_EQ(Refused("@").code(), Code::kInvalidArgument);
}

TEST_F(PointTest, TopicsAndGroupsComeFromTheSnapshotBefore) {
  AddOf(1, "orders", 0, 5);
  uint64_t first = Head();
  TakeOf("one", 1, "orders", 50);
  clock_.Advance(Millis(1000));
  AddOf(2, "bills", 0, 1);
  auto source = Find(At(Head()));
  ASSERT_TRUE(source.ok()) << source.status().ToString();
  auto snapshot = repository_->ReadSnapshot(source->ref, context_);
  ASSERT_EQ(snapshot->topics.size(), 2u);
  EXPECT_EQ(snapshot->FindTopic("orders")->replication_factor(), 3);
  EXPECT_EQ(snapshot->FindTopic("bills")->replication_factor(), 1);
  EXPECT_THAT(source->warnings, ElementsAre(HasSubstr("'bills': no snapshot tells its configs")));
  EXPECT_EQ(snapshot->groups[0].offsets(0).offset(), 50);
  EXPECT_EQ(snapshot->header.stats().records(), 60u);
  // Before any snapshot: those of the first one after, cut to what there was.
  auto early = Find(At(first));
  EXPECT_THAT(early->warnings, ElementsAre(HasSubstr("snapshot 'one'")));
  EXPECT_THAT(early->warnings[0], HasSubstr("taken later"));
}

TEST_F(PointTest, GroupsNeverStandBeyondTheData) {
  AddOf(1, "orders", 0, 2);
  uint64_t interim = Head();
  AddOf(1, "orders", 20, 3);
  TakeOf("one", 1, "orders", 50);
  auto source = Find(At(interim));
  ASSERT_TRUE(source.ok()) << source.status().ToString();
  EXPECT_EQ(repository_->ReadSnapshot(source->ref, context_)->groups[0].offsets(0).offset(), 20);
}

TEST_F(PointTest, WithoutAnySnapshotTheDataIsThere) {
  AddOf(1, "orders", 0, 2);
  EXPECT_EQ(EndsAt("@1"), (Ends{{"orders", 20}}));
  EXPECT_THAT(Find("@1")->warnings, ElementsAre(HasSubstr("there is no snapshot"), HasSubstr("")));
}

TEST_F(PointTest, ATruncatedLogIsTwoBranches) {
  AddOf(1, "orders", 0, 5);
  TakeOf("one", 1, "orders", 50);
  uint64_t before = Head();
  clock_.Advance(Millis(1000));
  format::Branch fork;
  fork.set_id(7);
  fork.set_has_parent(true);
  fork.set_fork_offset(30);
  fork.set_reason("log truncated at offset 30");
  AddOf(1, "orders", 30, 1, 7, &fork);
  EXPECT_EQ(EndsAt(At(before)), (Ends{{"orders", 50}}));
  EXPECT_EQ(EndsAt(At(Head())), (Ends{{"orders", 40}}));
  EXPECT_EQ(EndsAt("one"), (Ends{{"orders", 50}}));
  auto told = MakeTimeline(*repository_, {}, context_);
  ASSERT_TRUE(told.ok()) << told.status().ToString();
  const auto& branches = told->topics.at(0).partitions.at(0).branches;
  ASSERT_EQ(branches.size(), 2u);
  EXPECT_FALSE(branches[0].current);
  EXPECT_TRUE(branches[1].current);
  EXPECT_EQ(branches[1].fork_offset, 30);
  EXPECT_EQ(branches[1].parent, std::optional<uint64_t>(0));
  EXPECT_EQ(branches[0].snapshots.at(0).end_offset, 50);
  EXPECT_THAT(branches[1].snapshots, IsEmpty());
  EXPECT_EQ(branches[1].first.sequence, Head());
}

TEST_F(PointTest, ATopicMadeAnewIsChosenByItsId) {
  AddOf(1, "orders", 0, 5);
  TakeOf("one", 1, "orders", 50, 15);  // its log start has moved, with nothing new to read
  clock_.Advance(Millis(1000));
  AddOf(2, "orders", 0, 1);
  TakeOf("two", 2, "orders", 10);
  std::string older = TopicId{repo::UuidFromString(Id(1))}.id.ToBase64();
  std::string newer = TopicId{repo::UuidFromString(Id(2))}.id.ToHex();
  EXPECT_EQ(EndsAt(At(Head())), (Ends{{"orders", 10}}));
  EXPECT_THAT(Find(At(Head() - 1))->warnings[0], HasSubstr("--topic-id " + older));
  EXPECT_EQ(EndsAt(At(Head()), {older}), (Ends{{"orders", 50}}));
  auto chosen = Find(At(Head()), {older});
  EXPECT_EQ(
      repository_->ReadSnapshot(chosen->ref, context_)->topics[0].partitions(0).start_offset(), 15);
  EXPECT_EQ(EndsAt(At(Head()), {newer}), (Ends{{"orders", 10}}));
  EXPECT_THAT(Find(At(Head()), {older})->topics, ElementsAre("orders"));
  // The group's offsets are those of the topic that it read.
  auto group_at = [&](const std::vector<std::string>& ids) {
    auto source = Find(At(Head() - 1), ids);  // as in "one"
    return repository_->ReadSnapshot(source->ref, context_)->groups[0].offsets_size();
  };
  EXPECT_EQ(group_at({}), 0);
  EXPECT_EQ(group_at({older}), 1);
  // Of a snapshot as well.
  EXPECT_THAT(Find("one", {older})->topics, ElementsAre("orders"));
  EXPECT_EQ(Refused("one", {newer}).code(), Code::kNotFound);
  EXPECT_EQ(Refused(At(Head()), {"AAAAAAAAAAAAAAAAAAAAAA"}).code(), Code::kNotFound);
  auto told = MakeTimeline(*repository_, {}, context_);
  ASSERT_EQ(told->topics.size(), 2u);
  EXPECT_FALSE(told->topics[0].current);
  EXPECT_TRUE(told->topics[1].current);
  EXPECT_THAT(told->topics[0].snapshots, ElementsAre("one"));
}

TEST_F(PointTest, TheSamePointHasTheSameIdAndAnotherChoiceAnother) {
  AddOf(1, "orders", 0, 2);
  TakeOf("one", 1, "orders", 20);
  std::string base64 = TopicId{repo::UuidFromString(Id(1))}.id.ToBase64();
  std::string hex = TopicId{repo::UuidFromString(Id(1))}.id.ToHex();
  EXPECT_EQ(Find("@1")->ref.id(), Find("@1")->ref.id());
  EXPECT_NE(Find("@1")->ref.id(), Find("@2")->ref.id());
  EXPECT_NE(Find("@1")->ref.id(), Find("@1", {hex})->ref.id());
  EXPECT_EQ(Find("@1", {base64})->ref.id(), Find("@1", {hex})->ref.id());
  // A restore may begin from it, although no snapshot has that id.
  format::RestoreRecord record;
  record.set_restore_id(repo::TestId(5));
  record.set_snapshot_id(Find("@1")->ref.id());
  EXPECT_TRUE(repository_->CommitRestore(record, context_).ok());
  record.set_restore_id(repo::TestId(6));
  record.set_snapshot_id(repo::TestId(77));
  EXPECT_EQ(repository_->CommitRestore(record, context_).status().code(), Code::kNotFound);
}

// What prune has condemned is still read, and pinned; what it has removed is named.
TEST_F(PointTest, WhatPruneTookIsReadDuringItsGrace) {
  AddOf(1, "orders", 0, 2);
  TakeOf("one", 1, "orders", 20);
  AddOf(2, "bills", 0, 2);
  TakeOf("two", 2, "bills", 20);
  uint64_t point = Head();  // late enough that the log keeps it
  ASSERT_TRUE(Forget({"one"}, 1).ok());
  Days(8);
  PruneOptions options;
  Progress progress;
  options.yes_delete = 3;
  auto pruned = RunPrune(*repository_, options, progress, context_);
  ASSERT_TRUE(pruned.ok()) << pruned.status().ToString();
  ASSERT_GT(pruned->condemned_objects, 0u);
  auto source = Find(At(point));
  ASSERT_TRUE(source.ok()) << source.status().ToString();
  EXPECT_TRUE(source->condemned);
  EXPECT_EQ(EndsAt(At(point)), (Ends{{"bills", 20}, {"orders", 20}}));
  ASSERT_TRUE(PinSource(*repository_, *source, context_).ok());
  EXPECT_EQ(repository_->state()->pins.size(), 1u);
  ASSERT_TRUE(UnpinSource(*repository_, *source, context_).ok());
  EXPECT_THAT(repository_->state()->pins, IsEmpty());
  Days(8);
  options.yes_delete.reset();
  auto swept = RunPrune(*repository_, options, progress, context_);
  ASSERT_TRUE(swept.ok()) << swept.status().ToString();
  ASSERT_GT(swept->removed_objects, 0u);
  Status gone = Refused(At(point));
  EXPECT_EQ(gone.code(), Code::kNotFound);
  // Prune trims the log too: either the commit is gone or what it held.
  EXPECT_THAT(gone.message(), ::testing::AnyOf(HasSubstr("prune has removed some of what"),
                                               HasSubstr("is not in the log any more")));
}

TEST_F(PointTest, DataRemovedWhileTheLogStaysIsNamed) {
  AddOf(1, "orders", 0, 2);
  TakeOf("one", 1, "orders", 20);
  uint64_t point = Head();
  auto packs = store_->List("l0/", "", 10, context_);
  for (const auto& pack : packs->objects) ASSERT_TRUE(store_->Remove(pack.name, context_).ok());
  // Today's indexes name it all the same: whoever reads it will say so.
  EXPECT_TRUE(Find(At(point)).ok());
  auto released = repo::ReleaseBelow(repository_->log(), repository_->index_cache(),
                                     repo::MakeTopicKey(Id(1), "orders"), {{0, 20}}, context_);
  ASSERT_TRUE(released.ok()) << released.status().ToString();
  Status gone = Refused(At(point));
  EXPECT_EQ(gone.code(), Code::kNotFound);
  EXPECT_THAT(gone.message(), HasSubstr("prune has removed some of what commit"));
  EXPECT_THAT(gone.message(), HasSubstr("l0/"));
}

TEST_F(PointTest, StatesBelowTheFloorAreTrimmed) {
  AddOf(1, "orders", 0, 1);
  int64_t begun = clock_.WallMillis();
  for (int i = 1; i < 5; ++i) {
    clock_.Advance(Millis(1000));
    AddOf(1, "orders", 10 * i, 1);
  }
  TakeOf("one", 1, "orders", 50);
  Days(8);
  auto trimmed = repo::TrimOldLog(repository_->log(), {}, context_);
  ASSERT_TRUE(trimmed.ok()) << trimmed.status().ToString();
  const uint64_t first = repository_->state()->log_floor - 1;
  ASSERT_GT(first, 1u);
  EXPECT_EQ(EndsAt(At(first)).size(), 1u) << "the checkpoint's own state can be had";
  Status gone = Refused(At(first - 1));
  EXPECT_EQ(gone.code(), Code::kNotFound);
  EXPECT_THAT(gone.message(), HasSubstr("from commit " + std::to_string(first)));
  Status early = Refused("@" + FormatUserTime(begun));
  EXPECT_EQ(early.code(), Code::kInvalidArgument);
  EXPECT_THAT(early.message(), HasSubstr("commit " + std::to_string(first)));
  auto told = MakeTimeline(*repository_, {}, context_);
  ASSERT_TRUE(told.ok()) << told.status().ToString();
  EXPECT_EQ(told->first.sequence, first);
  EXPECT_EQ(told->last.sequence, Head());
}

TEST_F(PointTest, StatesAreThoseThatWritersSaw) {
  std::vector<std::string> seen{""};
  for (int i = 0; i < 12; ++i) {
    AddOf(1, "orders", 10 * i, 1);
    if (i % 4 == 3) TakeOf("s" + std::to_string(i), 1, "orders", 10 * (i + 1));
    while (seen.size() <= Head()) seen.push_back("");
    seen[Head()] = repo::CanonicalState(*repository_->state());
  }
  for (uint64_t commit = 1; commit <= Head(); ++commit) {
    auto state = repo::StateAt(repository_->log(), Sequence(commit), context_);
    ASSERT_TRUE(state.ok()) << state.status().ToString();
    EXPECT_EQ(state->sequence, Sequence(commit));
    if (!seen[commit].empty()) {
      EXPECT_EQ(repo::CanonicalState(*state), seen[commit]);
    }
  }
}

TEST_F(PointTest, ATimelineTellsPointsAndGaps) {
  AddOf(1, "orders", 0, 2);
  clock_.Advance(Millis(5000));
  AddOf(1, "orders", 50, 1);
  TakeOf("one", 1, "orders", 60);
  TimelineOptions options;
  auto told = MakeTimeline(*repository_, options, context_);
  ASSERT_TRUE(told.ok()) << told.status().ToString();
  ASSERT_EQ(told->points.size(), 3u);
  EXPECT_EQ(told->points[0].offsets, 20u);
  EXPECT_EQ(told->points[1].commit.time_ms, clock_.WallMillis());
  EXPECT_THAT(told->points[2].snapshots, ElementsAre("one"));
  const TimelineBranch& branch = told->topics.at(0).partitions.at(0).branches.at(0);
  EXPECT_EQ(branch.held, (std::vector<std::pair<int64_t, int64_t>>{{0, 20}, {50, 60}}));
  ASSERT_EQ(branch.gaps.size(), 1u);
  EXPECT_EQ(branch.gaps[0].start_offset, 20);
  EXPECT_EQ(branch.gaps[0].end_offset, 50);
  EXPECT_THAT(branch.gaps[0].reason, HasSubstr("gone from the source"));
  EXPECT_EQ(branch.offsets(), 30u);
  EXPECT_EQ(branch.first.sequence, 1u);
  EXPECT_EQ(branch.last.sequence, 2u);
  options.commits_max = 1;
  auto short_one = MakeTimeline(*repository_, options, context_);
  EXPECT_EQ(short_one->commits_read_from, Head());
  EXPECT_EQ(short_one->points.size(), 1u);
  options.topics = *TopicSelection::Parse({"nowhere"}, {});
  EXPECT_EQ(MakeTimeline(*repository_, options, context_).status().code(), Code::kNotFound);
}

TEST_F(PointTest, AnEmptyRepositoryHasNoTimeline) {
  auto told = MakeTimeline(*repository_, {}, context_);
  ASSERT_TRUE(told.ok());
  EXPECT_EQ(told->last.sequence, 0u);
  EXPECT_THAT(told->points, IsEmpty());
}

}  // namespace
}  // namespace maxbrod::engine
