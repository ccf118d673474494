#include "engine/pack_sink.h"

#include <gmock/gmock.h>

#include <latch>

#include "engine/verify_testing.h"

namespace maxbrod::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class PackSinkTest : public ::testing::Test {
 protected:
  PackSinkTest() : ranges_(1), plans_(1) {
    ranges_[0].topic = plans_[0].topic = "t";
    ranges_[0].end_offset = plans_[0].end_offset = 40;
    options_.pack_bytes = 1;  // each run is a pack
    options_.open_packs = 2;
    options_.sealing_packs = 2;
    options_.commit_bytes = 1;  // each pack stored is a commit
    options_.commit_interval = Millis(3'600'000);
    options_.clock = &Clock::System();
  }
  std::unique_ptr<PackSink> Sink() {
    return std::make_unique<PackSink>(repository_.repository(), ranges_, plans_, options_,
                                      CallContext());
  }
  Status Run(PackSink& sink, size_t worker, int64_t from, int64_t to) {
    Bytes bytes = TestBatch(from, to);
    ScanCursor cursor;
    cursor.next_offset = from;
    cursor.end_offset = to;
    return ScanBatches(bytes, kMiB, &cursor, [&](const BatchRun& run) {
      return sink.OnRun(worker, ranges_[0], run, {});
    });
  }
  // What the log says is stored of the partition.
  std::map<int64_t, int64_t> Claimed() {
    auto state = repository_.repository().state();
    const repo::TopicInfo* topic = state->FindTopic(repo::MakeTopicKey("", "t"));
    if (topic == nullptr || !topic->partitions.contains(0)) return {};
    return topic->partitions.at(0).Current()->covered.ranges();
  }
  size_t Packs() { return repository_.Names("pack/").size(); }
  void Finish(PackSink& sink) {
    ranges_[0].done = true;
    auto rest = sink.Finish();
    ASSERT_TRUE(rest.ok()) << rest.status().ToString();
    auto receipt = repository_.repository().CommitPacks(*rest, {});
    ASSERT_TRUE(receipt.ok()) << receipt.status().ToString();
  }

  TestRepository repository_;
  std::vector<ReadRange> ranges_;
  std::vector<PartitionPlan> plans_;
  PackSinkOptions options_;
};

// A range moves to another worker when its leader does; the first worker's pack may be stored
// later.
TEST_F(PackSinkTest, ClaimsFollowTheOrderOfReading) {
  auto sink = Sink();
  ASSERT_TRUE(Run(*sink, 0, 0, 10).ok());   // stays in an open pack
  ASSERT_TRUE(Run(*sink, 1, 10, 20).ok());  // the range has moved
  ASSERT_TRUE(Run(*sink, 1, 20, 30).ok());  // closes the pack with [10, 20)
  ASSERT_TRUE(Run(*sink, 1, 30, 40).ok());
  // The second one may come while the first is being committed; it then waits for the next commit.
  while (repository_.repository().state()->loose_packs.empty()) std::this_thread::yield();
  EXPECT_THAT(Claimed(), IsEmpty()) << "killed now, the next backup would begin behind a hole";
  Finish(*sink);
  EXPECT_THAT(Claimed(), ElementsAre(Pair(0, 40)));
  EXPECT_EQ(Packs(), 4u);
}

TEST_F(PackSinkTest, WhatIsLostToRetentionIsNotClaimed) {
  auto sink = Sink();
  ASSERT_TRUE(Run(*sink, 0, 0, 10).ok());
  ranges_[0].torn_to = 25;
  ASSERT_TRUE(Run(*sink, 0, 25, 40).ok());
  Finish(*sink);
  EXPECT_THAT(Claimed(), ElementsAre(Pair(0, 10), Pair(25, 40)));
}

TEST_F(PackSinkTest, ReadingGoesOnWhileAPackIsStored) {
  std::latch go(1);
  repository_.faults().On(store::StoreMethod::kCommit).For("pack/").Before([&] { go.wait(); });
  auto sink = Sink();
  ASSERT_TRUE(Run(*sink, 0, 0, 10).ok());
  ASSERT_TRUE(Run(*sink, 0, 10, 20).ok());
  ASSERT_TRUE(Run(*sink, 0, 20, 30).ok());  // two are on their way or stored now
  EXPECT_LE(Packs(), 1u);
  go.count_down();
  Finish(*sink);
  EXPECT_EQ(Packs(), 3u);
  EXPECT_TRUE(repository_.faults().AllFired());
}

TEST_F(PackSinkTest, AStoreThatFailsStopsTheReading) {
  repository_.faults()
      .On(store::StoreMethod::kCommit)
      .For("pack/")
      .ErrorInstead(Status(Code::kOutOfSpace, "full"));
  auto sink = Sink();
  Status status;
  for (int64_t from = 0; from < 40 && status.ok(); from += 10) {
    status = Run(*sink, 0, from, from + 10);
  }
  EXPECT_EQ((status.ok() ? sink->Finish().status() : status).code(), Code::kOutOfSpace);
}

TEST_F(PackSinkTest, DroppedItStoresNothingMore) {
  auto sink = Sink();
  ASSERT_TRUE(Run(*sink, 0, 0, 10).ok());
  sink.reset();
  EXPECT_EQ(Packs(), 0u);
}

}  // namespace
}  // namespace maxbrod::engine
