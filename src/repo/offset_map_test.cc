#include "repo/offset_map.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace maxbrod::repo {
namespace {

TEST(OffsetMapTest, WhatTouchesOnBothSidesIsOneRange) {
  OffsetMap map(0, 100, 0);
  ASSERT_TRUE(map.Add(0, 0, 10).ok());
  ASSERT_TRUE(map.Add(10, 10, 5).ok());
  ASSERT_TRUE(map.Add(20, 15, 5).ok());  // five are missing on the source
  ASSERT_TRUE(map.Add(25, 30, 5).ok());  // ten of somebody else on the target
  ASSERT_TRUE(map.Add(30, 35, 1).ok());
  EXPECT_EQ(map.ranges(), (std::vector<OffsetRange>{{0, 0, 15}, {20, 15, 5}, {25, 30, 6}}));
  EXPECT_EQ(map.records(), 26);
  EXPECT_EQ(map.end(), 36);
  EXPECT_EQ(map.mapped_source_end(), 31);
  map.ShrinkToFit();
  EXPECT_EQ(map.memory_bytes(), 3 * 24u);
}

TEST(OffsetMapTest, ACommittedOffsetIsTheNextRecordToRead) {
  OffsetMap map(100, 200, 7);
  ASSERT_TRUE(map.Add(110, 7, 10).ok());
  ASSERT_TRUE(map.Add(130, 17, 10).ok());
  ASSERT_TRUE(map.Add(140, 50, 10).ok());
  EXPECT_EQ(map.Translate(0), 7) << "below the log start: the first record";
  EXPECT_EQ(map.Translate(100), 7);
  EXPECT_EQ(map.Translate(110), 7);
  EXPECT_EQ(map.Translate(119), 16);
  EXPECT_EQ(map.Translate(120), 17) << "in a hole: the record behind it";
  EXPECT_EQ(map.Translate(130), 17);
  EXPECT_EQ(map.Translate(139), 26);
  EXPECT_EQ(map.Translate(140), 50) << "not 27, which is somebody else's";
  EXPECT_EQ(map.Translate(149), 59);
  EXPECT_EQ(map.Translate(150), 60);
  EXPECT_EQ(map.Translate(200), 60);
  EXPECT_EQ(map.Translate(1'000'000), 60);
}

TEST(OffsetMapTest, ExactRecordsBothWays) {
  OffsetMap map(100, 200, 7);
  ASSERT_TRUE(map.Add(110, 7, 10).ok());
  ASSERT_TRUE(map.Add(130, 50, 10).ok());
  EXPECT_EQ(map.TargetOf(119), 16);
  EXPECT_EQ(map.TargetOf(120), std::nullopt);
  EXPECT_EQ(map.TargetOf(109), std::nullopt);
  EXPECT_EQ(map.TargetOf(140), std::nullopt);
  EXPECT_EQ(map.SourceOf(7), 110);
  EXPECT_EQ(map.SourceOf(6), std::nullopt);
  EXPECT_EQ(map.SourceOf(17), std::nullopt);
  EXPECT_EQ(map.SourceOf(59), 139);
  EXPECT_EQ(map.SourceOf(60), std::nullopt);
}

TEST(OffsetMapTest, NothingMapped) {
  OffsetMap map(100, 200, 42);
  EXPECT_TRUE(map.empty());
  EXPECT_EQ(map.Translate(150), 42);
  EXPECT_EQ(map.end(), 42);
  EXPECT_EQ(map.TargetOf(150), std::nullopt);
  EXPECT_EQ(map.SourceOf(42), std::nullopt);
}

TEST(OffsetMapTest, WhatDoesNotAscendIsRefused) {
  OffsetMap map(100, 200, 40);
  EXPECT_EQ(map.Add(99, 40, 1).code(), Code::kInternal);
  EXPECT_EQ(map.Add(100, 40, 0).code(), Code::kInternal);
  EXPECT_EQ(map.Add(100, 40, -1).code(), Code::kInternal);
  EXPECT_EQ(map.Add(190, 40, 11).code(), Code::kInternal);
  EXPECT_EQ(map.Add(INT64_MAX, 40, 2).code(), Code::kInternal);
  EXPECT_EQ(map.Add(100, 39, 1).code(), Code::kOffsetMismatch);
  EXPECT_EQ(map.Add(100, INT64_MAX, 1).code(), Code::kOffsetMismatch);
  ASSERT_TRUE(map.Add(100, 40, 10).ok());
  EXPECT_EQ(map.Add(109, 50, 1).code(), Code::kInternal);
  EXPECT_EQ(map.Add(110, 49, 1).code(), Code::kOffsetMismatch);
  EXPECT_EQ(map.records(), 10);
  EXPECT_EQ(map.ranges(), (std::vector<OffsetRange>{{100, 40, 10}})) << "a refusal changes nothing";
}

// Against one map entry per record.
TEST(OffsetMapTest, RandomMapsAnswerAsANaiveOneDoes) {
  uint64_t seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  auto below = [&](int64_t n) { return static_cast<int64_t>(random() % static_cast<uint64_t>(n)); };
  for (int round = 0; round < 200; ++round) {
    int64_t start = below(50);
    int64_t target = below(50);
    OffsetMap map(start, start + 400, target);
    std::map<int64_t, int64_t> naive;
    int64_t source = start;
    int64_t target_start = target;
    while (true) {
      source += below(3) == 0 ? below(20) : 0;
      target += below(6) == 0 ? below(20) : 0;
      int64_t count = 1 + below(12);
      if (source + count > start + 400) break;
      ASSERT_TRUE(map.Add(source, target, count).ok());
      for (int64_t i = 0; i < count; ++i) naive[source + i] = target + i;
      source += count;
      target += count;
    }
    ASSERT_EQ(map.records(), static_cast<int64_t>(naive.size()));
    int64_t end = naive.empty() ? target_start : naive.rbegin()->second + 1;
    std::map<int64_t, int64_t> reverse;
    for (auto [from, to] : naive) reverse[to] = from;
    for (int64_t offset = 0; offset < 520; ++offset) {
      auto next = naive.lower_bound(offset);
      ASSERT_EQ(map.Translate(offset), next == naive.end() ? end : next->second) << offset;
      auto exact = naive.find(offset);
      ASSERT_EQ(map.TargetOf(offset),
                exact == naive.end() ? std::nullopt : std::optional(exact->second));
      auto back = reverse.find(offset);
      ASSERT_EQ(map.SourceOf(offset),
                back == reverse.end() ? std::nullopt : std::optional(back->second));
    }
    for (size_t i = 1; i < map.ranges().size(); ++i) {
      const OffsetRange& a = map.ranges()[i - 1];
      const OffsetRange& b = map.ranges()[i];
      ASSERT_FALSE(a.source_end() == b.source_first && a.target_end() == b.target_first);
    }
  }
}

}  // namespace
}  // namespace maxbrod::repo
