#include "repo/state.h"

#include <gtest/gtest.h>

#include <random>

#include "repo/checkpoint.h"
#include "repo/commit_codec.h"

namespace maxbrod::repo {
namespace {

using Record = format::CommitRecord;

std::string Text(const OffsetRanges& ranges) {
  std::string out;
  for (auto [start, end] : ranges.ranges()) {
    out += "[" + std::to_string(start) + "," + std::to_string(end) + ")";
  }
  return out;
}

TEST(OffsetRangesTest, NeighboursMerge) {
  OffsetRanges r;
  r.Add(10, 20);
  r.Add(30, 40);
  r.Add(20, 25);
  EXPECT_EQ(Text(r), "[10,25)[30,40)");
  r.Add(0, 100);
  EXPECT_EQ(Text(r), "[0,100)");
  r.Add(5, 5);
  EXPECT_EQ(Text(r), "[0,100)");
}

TEST(OffsetRangesTest, RemoveCuts) {
  OffsetRanges r;
  r.Add(0, 100);
  r.Remove(10, 20);
  r.Remove(90, 200);
  EXPECT_EQ(Text(r), "[0,10)[20,90)");
  r.Remove(0, 90);
  EXPECT_EQ(Text(r), "");
}

TEST(OffsetRangesTest, AgainstASetOfOffsets) {
  std::random_device device;
  unsigned seed = device();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  OffsetRanges ranges;
  std::vector<bool> set(64);
  for (int step = 0; step < 3000; ++step) {
    auto from = static_cast<int64_t>(random() % 60);
    auto to = from + static_cast<int64_t>(random() % 10);
    bool add = random() % 2 == 0;
    add ? ranges.Add(from, to) : ranges.Remove(from, std::min<int64_t>(to, 64));
    for (int64_t i = from; i < std::min<int64_t>(to, 64); ++i) set[static_cast<size_t>(i)] = add;
    if (add && to > 64) ranges.Remove(64, to);
    int64_t from2 = static_cast<int64_t>(random() % 64);
    int64_t next = from2;
    while (next < 64 && set[static_cast<size_t>(next)]) ++next;
    ASSERT_EQ(ranges.NextMissing(from2), next);
    int64_t missing = 0;
    for (auto [a, b] : ranges.Missing(0, 64)) missing += b - a;
    ASSERT_EQ(missing, std::count(set.begin(), set.end(), false));
    for (auto it = ranges.ranges().begin(); it != ranges.ranges().end(); ++it) {
      ASSERT_LT(it->first, it->second);
      if (std::next(it) != ranges.ranges().end()) {
        ASSERT_LT(it->second, std::next(it)->first);
      }
    }
  }
}

TEST(SliceBranchesTest, WalksUpToTheRoot) {
  std::map<uint64_t, format::Branch> branches;
  branches[5].set_id(5);
  branches[5].set_has_parent(true);
  branches[5].set_parent(0);
  branches[5].set_fork_offset(30);
  branches[6] = branches[5];
  branches[6].set_id(6);
  branches[6].set_parent(5);
  branches[6].set_fork_offset(20);  // cut below the fork of its parent
  auto slices = SliceBranches(branches, 6, 10, 50);
  ASSERT_TRUE(slices.ok());
  ASSERT_EQ(slices->size(), 2u);
  EXPECT_EQ((*slices)[0].branch, 0u);
  EXPECT_EQ((*slices)[0].to_offset, 20);
  EXPECT_EQ((*slices)[1].branch, 6u);
  EXPECT_EQ((*slices)[1].from_offset, 20);
}

TEST(SliceBranchesTest, ACircleIsDamage) {
  std::map<uint64_t, format::Branch> branches;
  for (uint64_t id : {1u, 2u}) {
    branches[id].set_id(id);
    branches[id].set_has_parent(true);
    branches[id].set_parent(3 - id);
    branches[id].set_fork_offset(100);
  }
  EXPECT_EQ(SliceBranches(branches, 1, 0, 10).status().code(), Code::kCorrupt);
  EXPECT_EQ(SliceBranches({}, 9, 0, 10).status().code(), Code::kCorrupt);
}

// A log without a store.
class FoldTest : public ::testing::Test {
 protected:
  // Applies a commit of these actions; what it says stays in `status_`.
  bool Apply(std::vector<Record> actions) {
    std::vector<Record> records(1);
    format::CommitHeader* header = records[0].mutable_header();
    header->set_sequence(state_.sequence.value() + 1);
    header->set_previous_sha256(state_.commit_sha256);
    header->set_store_time_ms(time_);
    header->set_actions(static_cast<uint32_t>(actions.size()));
    records.insert(records.end(), actions.begin(), actions.end());
    if (change_) change_(header);
    State next = state_;
    status_ = ApplyCommit(records, std::string(32, static_cast<char>(header->sequence())), &next);
    if (status_.ok()) state_ = std::move(next);
    return status_.ok();
  }
  static std::string Id(char c) { return std::string(16, c); }
  static Record Pack(char id) {
    Record record;
    record.mutable_add_packs()->add_packs()->set_id(Id(id));
    return record;
  }
  static Record Claim(int64_t start, int64_t end, uint64_t branch = 0,
                      const format::Branch* begins = nullptr) {
    Record record;
    auto* topic = record.mutable_add_packs()->add_topics();
    topic->set_topic("t");
    auto* claim = topic->add_claims();
    claim->set_start_offset(start);
    claim->set_end_offset(end);
    claim->set_branch(branch);
    claim->set_last_epoch(static_cast<int32_t>(end));
    if (begins != nullptr) *claim->mutable_new_branch() = *begins;
    return record;
  }
  static Record Snapshot(char id, const std::string& name) {
    Record record;
    record.mutable_add_snapshot()->set_id(Id(id));
    record.mutable_add_snapshot()->set_name(name);
    return record;
  }
  static Record Names(NamesKind kind, const std::string& name) {
    return SplitNames(kind, {name}, 1)[0];
  }
  const PartitionInfo& Partition() {
    return state_.FindTopic(MakeTopicKey("", "t"))->partitions.at(0);
  }

  State state_;
  Status status_;
  int64_t time_ = 1000;
  std::function<void(format::CommitHeader*)> change_;
};

TEST_F(FoldTest, CommitsFollowEachOther) {
  ASSERT_TRUE(Apply({}));
  for (auto change : std::vector<std::function<void(format::CommitHeader*)>>{
           [](auto* h) { h->set_sequence(3); },
           [](auto* h) { h->set_previous_sha256("other"); },
           [](auto* h) { h->set_store_time_ms(999); },
           [](auto* h) { h->set_actions(1); },
           [](auto* h) { h->set_based_on(2); },
           [](auto* h) { h->set_gc_epoch(7); },
       }) {
    change_ = change;
    EXPECT_FALSE(Apply({}));
    EXPECT_EQ(status_.code(), Code::kCorrupt);
  }
  change_ = nullptr;
  EXPECT_TRUE(Apply({}));
  EXPECT_EQ(state_.sequence, Sequence(2));
}

TEST_F(FoldTest, AnUnknownActionIsRefused) {
  EXPECT_FALSE(Apply({Record()}));
  EXPECT_EQ(status_.code(), Code::kUnsupported);
}

TEST_F(FoldTest, ClaimsAddUp) {
  ASSERT_TRUE(Apply({Claim(0, 10), Claim(5, 20), Claim(30, 40)}));
  EXPECT_EQ(Text(Partition().Current()->covered), "[0,20)[30,40)");
  EXPECT_EQ(Partition().Current()->last_epoch, 40);
  ASSERT_TRUE(Apply({Claim(0, 5)}));
  EXPECT_EQ(Partition().Current()->last_epoch, 40) << "an older range does not set it back";
  EXPECT_FALSE(Apply({Claim(5, 4)}));
}

TEST_F(FoldTest, TheLatestBranchIsCurrent) {
  format::Branch fork;
  fork.set_id(9);
  fork.set_has_parent(true);
  fork.set_fork_offset(5);
  ASSERT_TRUE(Apply({Claim(0, 10)}));
  EXPECT_FALSE(Apply({Claim(5, 20, 9)})) << "it never began";
  ASSERT_TRUE(Apply({Claim(5, 20, 9, &fork)}));
  EXPECT_EQ(Partition().Current()->branch.id(), 9u);
  EXPECT_TRUE(Apply({Claim(20, 30, 9, &fork)})) << "beginning twice alike is harmless";
  fork.set_fork_offset(6);
  EXPECT_FALSE(Apply({Claim(30, 40, 9, &fork)})) << "but not in two ways";
  fork.set_id(10);
  fork.set_parent(77);
  EXPECT_FALSE(Apply({Claim(0, 10, 10, &fork)})) << "its parent is not known";
}

TEST_F(FoldTest, PacksAreLooseUntilFolded) {
  ASSERT_TRUE(Apply({Pack('p')}));
  EXPECT_FALSE(Apply({Pack('p')}));
  ASSERT_TRUE(Apply({SplitFolds({Id('p')})[0]}));
  EXPECT_TRUE(state_.loose_packs.empty());
  EXPECT_FALSE(Apply({SplitFolds({Id('p')})[0]}));
}

TEST_F(FoldTest, SnapshotsAreUniqueAndHeldOnesStay) {
  ASSERT_TRUE(Apply({Snapshot('s', "one")}));
  EXPECT_FALSE(Apply({Snapshot('s', "two")}));
  EXPECT_FALSE(Apply({Snapshot('r', "one")}));
  Record hold;
  hold.mutable_hold_snapshot()->set_id(Id('s'));
  hold.mutable_hold_snapshot()->set_held(true);
  Record forget;
  forget.mutable_forget_snapshot()->set_id(Id('s'));
  ASSERT_TRUE(Apply({hold}));
  EXPECT_FALSE(Apply({forget}));
  hold.mutable_hold_snapshot()->set_held(false);
  ASSERT_TRUE(Apply({hold}));
  ASSERT_TRUE(Apply({forget}));
  EXPECT_FALSE(Apply({forget}));
  EXPECT_FALSE(Apply({hold}));
}

TEST_F(FoldTest, EditsChangeWhatTheyNameAndNothingElse) {
  ASSERT_TRUE(Apply({Snapshot('s', "one"), Snapshot('r', "two")}));
  const std::string object = state_.FindSnapshotByName("one")->object().sha256();
  Record edit;
  edit.mutable_edit_snapshot()->set_id(Id('s'));
  edit.mutable_edit_snapshot()->set_description("before the move");
  edit.mutable_edit_snapshot()->set_set_tags(true);
  edit.mutable_edit_snapshot()->add_tags("gold");
  ASSERT_TRUE(Apply({edit}));
  const format::SnapshotRef* ref = state_.FindSnapshotById(Id('s'));
  EXPECT_EQ(ref->name(), "one");
  EXPECT_EQ(ref->description(), "before the move");
  ASSERT_EQ(ref->tags_size(), 1);
  EXPECT_EQ(ref->object().sha256(), object);
  Record rename;
  rename.mutable_edit_snapshot()->set_id(Id('s'));
  rename.mutable_edit_snapshot()->set_name("three");
  ASSERT_TRUE(Apply({rename}));
  ref = state_.FindSnapshotById(Id('s'));
  EXPECT_EQ(ref->name(), "three");
  EXPECT_EQ(ref->description(), "before the move") << "what is not named stays";
  EXPECT_EQ(ref->tags_size(), 1);
  rename.mutable_edit_snapshot()->set_name("two");
  EXPECT_FALSE(Apply({rename})) << "taken";
  rename.mutable_edit_snapshot()->set_name("");
  EXPECT_FALSE(Apply({rename}));
  edit.mutable_edit_snapshot()->set_id(Id('u'));
  EXPECT_FALSE(Apply({edit})) << "unknown";
}

TEST_F(FoldTest, AnEditReplacesTheObjectThatItKnew) {
  ASSERT_TRUE(Apply({Snapshot('s', "one")}));
  Record edit;
  format::EditSnapshot* change = edit.mutable_edit_snapshot();
  change->set_id(Id('s'));
  change->mutable_object()->set_sha256(std::string(32, 'n'));
  change->mutable_replaces()->set_sha256(std::string(32, 'x'));
  EXPECT_FALSE(Apply({edit})) << "its object is another one";
  *change->mutable_replaces() = state_.FindSnapshotById(Id('s'))->object();
  ASSERT_TRUE(Apply({edit}));
  EXPECT_EQ(state_.FindSnapshotById(Id('s'))->object().sha256(), std::string(32, 'n'));
  EXPECT_FALSE(Apply({edit})) << "once";
}

TEST_F(FoldTest, RemovalHasItsOrder) {
  EXPECT_FALSE(Apply({Names(NamesKind::kDoom, "a")}));
  ASSERT_TRUE(Apply({Names(NamesKind::kCondemn, "a"), Names(NamesKind::kCondemn, "b")}));
  EXPECT_FALSE(Apply({Names(NamesKind::kCondemn, "a")}));
  EXPECT_FALSE(Apply({Names(NamesKind::kSwept, "a")}));
  ASSERT_TRUE(Apply({Names(NamesKind::kReprieve, "b")}));
  ASSERT_TRUE(Apply({Names(NamesKind::kDoom, "a")}));
  EXPECT_FALSE(Apply({Names(NamesKind::kReprieve, "a")}));
  ASSERT_TRUE(Apply({Names(NamesKind::kSwept, "a")}));
  EXPECT_TRUE(state_.condemned.empty());
  EXPECT_EQ(state_.gc_epoch, 1u);
}

TEST_F(FoldTest, APinKeepsDoomAwayUntilItEnds) {
  Record pin;
  pin.mutable_pin()->set_id(Id('i'));
  pin.mutable_pin()->set_until_ms(5000);
  ASSERT_TRUE(Apply({pin, Names(NamesKind::kCondemn, "a")}));
  EXPECT_FALSE(Apply({Names(NamesKind::kDoom, "a")}));
  time_ = 5000;
  EXPECT_TRUE(Apply({Names(NamesKind::kDoom, "a")}));
  EXPECT_TRUE(state_.pins.empty());
}

TEST_F(FoldTest, ReleasedRangesAreNotCovered) {
  ASSERT_TRUE(Apply({Claim(0, 30)}));
  Record release;
  release.mutable_release_claims()->set_topic("t");
  auto* range = release.mutable_release_claims()->add_ranges();
  range->set_end_offset(10);
  ASSERT_TRUE(Apply({release}));
  EXPECT_EQ(Text(Partition().Current()->covered), "[10,30)");
  range->set_branch(4);
  EXPECT_FALSE(Apply({release}));
}

TEST_F(FoldTest, TheFloorOnlyRises) {
  Record trim;
  trim.mutable_trim_log()->set_log_floor(2);
  EXPECT_FALSE(Apply({trim})) << "beyond the log";
  ASSERT_TRUE(Apply({}));
  ASSERT_TRUE(Apply({trim}));
  EXPECT_FALSE(Apply({trim}));
}

TEST_F(FoldTest, ACheckpointHoldsTheWholeState) {
  format::Branch fork;
  fork.set_id(1ull << 63);
  fork.set_reason("truncated");
  ASSERT_TRUE(Apply({Pack('p'), Claim(0, 10), Claim(20, 30), Claim(0, 5, 1ull << 63, &fork),
                     Snapshot('s', "one"), Names(NamesKind::kCondemn, "a")}));
  Record more;
  more.mutable_pin()->set_id(Id('i'));
  more.mutable_pin()->set_until_ms(1'000'000);
  Record restore;
  restore.mutable_restore()->set_restore_id(Id('r'));
  Record manifests;
  manifests.mutable_set_manifests()->set_topic("t");
  manifests.mutable_set_manifests()->add_manifests()->set_sha256(std::string(32, 'm'));
  Record trim;
  trim.mutable_trim_log()->set_log_floor(2);
  ASSERT_TRUE(Apply({more, restore, manifests, trim, Names(NamesKind::kDoom, "a")}) ||
              Apply({more, restore, manifests, trim}))
      << status_.ToString();
  auto bytes = EncodeCheckpoint(state_, "config", "before");
  ASSERT_TRUE(bytes.ok());
  std::string name = CheckpointName(state_.sequence, Sha256String(*bytes));
  auto again = DecodeCheckpoint(name, *bytes, "config");
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(CanonicalState(*again), CanonicalState(state_));
  EXPECT_EQ(again->log_floor, 2u);
  EXPECT_EQ(DecodeCheckpoint(name, *bytes, "other").status().code(), Code::kCorrupt);
  std::string wrong = CheckpointName(state_.sequence.Next(), Sha256String(*bytes));
  EXPECT_EQ(DecodeCheckpoint(wrong, *bytes, "config").status().code(), Code::kCorrupt);
  (*bytes)[bytes->size() / 2] ^= 1;
  EXPECT_EQ(DecodeCheckpoint(name, *bytes, "config").status().code(), Code::kCorrupt);
}

TEST_F(FoldTest, ALargeTopicSpansRecordsOfACheckpoint) {
  Record record;
  auto* claims = record.mutable_add_packs()->add_topics();
  claims->set_topic("t");
  for (int32_t partition = 0; partition < 20'000; ++partition) {
    auto* claim = claims->add_claims();
    claim->set_partition(partition);
    claim->set_end_offset(partition);
    claim->set_read_ended_ms(1'700'000'000'000 + partition);
  }
  for (int64_t i = 0; i < 20'000; ++i) {  // as many holes in one partition
    auto* claim = claims->add_claims();
    claim->set_partition(20'000);
    claim->set_start_offset(10 * i);
    claim->set_end_offset(10 * i + 5);
  }
  ASSERT_TRUE(Apply({record}));
  auto bytes = EncodeCheckpoint(state_, "config", "");
  ASSERT_TRUE(bytes.ok()) << bytes.status().ToString();
  auto again =
      DecodeCheckpoint(CheckpointName(state_.sequence, Sha256String(*bytes)), *bytes, "config");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(CanonicalState(*again), CanonicalState(state_));
}

TEST(NamesTest, SlotsAndCheckpoints) {
  EXPECT_EQ(LogName(Sequence(17)), "log/0000000000000000/00000000000000000017");
  EXPECT_EQ(LogName(Sequence(123456)), "log/0000000000000012/00000000000000123456");
  EXPECT_LT(LogName(Sequence(9999)), LogName(Sequence(10000)));
  Sequence sequence;
  EXPECT_TRUE(ParseLogName(LogName(Sequence(UINT64_MAX)), &sequence));
  EXPECT_EQ(sequence, Sequence(UINT64_MAX));
  EXPECT_FALSE(ParseLogName("log/0000000000000001/00000000000000000017", &sequence));
  EXPECT_FALSE(ParseLogName("log/9999999999999999/99999999999999999999", &sequence));
  std::string name = CheckpointName(Sequence(17), std::string(32, '\xab'));
  EXPECT_EQ(name, "checkpoint/99999999999999999982-abababababababab");
  std::string hash;
  EXPECT_TRUE(ParseCheckpointName(name, &sequence, &hash));
  EXPECT_EQ(sequence, Sequence(17));
  EXPECT_LT(CheckpointName(Sequence(18), ""), CheckpointName(Sequence(17), ""));
  EXPECT_FALSE(ParseCheckpointName("checkpoint/x", &sequence, &hash));
}

TEST(NamesTest, AReceiptIsText) {
  Receipt receipt{Sequence(17), std::string(2, '\x9f')};
  EXPECT_EQ(receipt.ToString(), "head=17:9f9f");
}

}  // namespace
}  // namespace maxbrod::repo
