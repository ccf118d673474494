#include "engine/aborted_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace maxbrod::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int64_t kOpen = PlannedAbort::kOpenAtCut;

TEST(AbortedIndexTest, NothingListed) {
  AbortedIndex none;
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.slots(), 0u);
  EXPECT_EQ(none.Find(1, 5), std::nullopt);
  EXPECT_TRUE(AbortedIndex({}, 0, 100).empty());
}

TEST(AbortedIndexTest, ATransactionInSeveralListsIsOne) {
  // Block by block: begun, running, ended; and again from a block of another writer.
  AbortedIndex index({{7, 10, -1}, {7, 10, -1}, {7, 10, 40}, {7, 10, -1}, {7, 10, 40}}, 0, 100);
  EXPECT_THAT(index.transactions(), ElementsAre(PlannedAbort{7, 10, 40, 0}));
  EXPECT_EQ(index.open_at_cut(), 0u);
  // In any order.
  AbortedIndex reversed({{7, 10, 40}, {7, 10, -1}}, 0, 100);
  EXPECT_EQ(reversed.transactions(), index.transactions());
}

TEST(AbortedIndexTest, ProducersAndBeginningsTellThemApart) {
  AbortedIndex index({{8, 10, 30}, {7, 10, 20}, {7, 25, 40}}, 0, 100);
  EXPECT_THAT(index.transactions(),
              ElementsAre(PlannedAbort{7, 10, 20, 0}, PlannedAbort{8, 10, 30, 1},
                          PlannedAbort{7, 25, 40, 0}));
}

TEST(AbortedIndexTest, WhatLiesOutsideIsClipped) {
  // Ended before the start, on it, begun below it.
  EXPECT_THAT(AbortedIndex({{1, 3, 9}}, 10, 100).transactions(), IsEmpty());
  EXPECT_THAT(AbortedIndex({{1, 3, 10}}, 10, 100).transactions(),
              ElementsAre(PlannedAbort{1, 3, 10, 0}));
  // The last offset, the cut, beyond it, never ended in what was read.
  EXPECT_THAT(AbortedIndex({{1, 20, 99}}, 10, 100).transactions(),
              ElementsAre(PlannedAbort{1, 20, 99, 0}));
  for (int64_t end : {100, 101, 5'000, -1}) {
    AbortedIndex open({{1, 99, end}}, 10, 100);
    EXPECT_THAT(open.transactions(), ElementsAre(PlannedAbort{1, 99, kOpen, 0})) << end;
    EXPECT_EQ(open.open_at_cut(), 1u);
    EXPECT_EQ(open.Find(1, 99), 0u);
    EXPECT_EQ(open.EndingAt(1, end), std::nullopt);
  }
  // Begun at the cut.
  EXPECT_THAT(AbortedIndex({{1, 100, 120}, {2, 101, -1}}, 10, 100).transactions(), IsEmpty());
  // Open from below the start to beyond the cut.
  AbortedIndex across({{1, 3, -1}}, 10, 100);
  EXPECT_THAT(across.transactions(), ElementsAre(PlannedAbort{1, 3, kOpen, 0}));
}

TEST(AbortedIndexTest, FindsAmongTheTransactionsOfAProducer) {
  AbortedIndex index({{7, 10, 19}, {7, 30, 39}, {7, 50, -1}, {8, 12, 60}}, 0, 100);
  ASSERT_EQ(index.transactions().size(), 4u);
  auto first_of = [&](int64_t producer, int64_t offset) -> int64_t {
    auto found = index.Find(producer, offset);
    if (!found) return -1;
    EXPECT_EQ(index.transactions()[*found].producer_id, producer);
    return index.transactions()[*found].first_offset;
  };
  EXPECT_EQ(first_of(7, 9), -1);
  EXPECT_EQ(first_of(7, 10), 10);
  EXPECT_EQ(first_of(7, 19), 10);
  EXPECT_EQ(first_of(7, 20), -1);  // committed ones lie between
  EXPECT_EQ(first_of(7, 29), -1);
  EXPECT_EQ(first_of(7, 30), 30);
  EXPECT_EQ(first_of(7, 39), 30);
  EXPECT_EQ(first_of(7, 45), -1);
  EXPECT_EQ(first_of(7, 99), 50);
  EXPECT_EQ(first_of(8, 15), 12);
  EXPECT_EQ(first_of(9, 15), -1);

  EXPECT_EQ(index.EndingAt(7, 19), index.Find(7, 10));
  EXPECT_EQ(index.EndingAt(7, 39), index.Find(7, 30));
  EXPECT_EQ(index.EndingAt(8, 60), index.Find(8, 12));
  EXPECT_EQ(index.EndingAt(7, 18), std::nullopt);
  EXPECT_EQ(index.EndingAt(8, 19), std::nullopt);  // another's marker
  EXPECT_EQ(index.EndingAt(7, 60), std::nullopt);
}

TEST(AbortedIndexTest, SlotsAreUsedAgainOnceTheyAreFree) {
  AbortedIndex in_a_row({{1, 0, 9}, {2, 10, 19}, {3, 20, 29}}, 0, 100);
  EXPECT_EQ(in_a_row.slots(), 1u);
  // A marker's offset is busy still.
  AbortedIndex nested({{1, 0, 30}, {2, 5, 10}, {3, 10, 12}, {4, 11, 40}, {5, 31, 32}}, 0, 100);
  EXPECT_EQ(nested.slots(), 3u);
}

class Slots : public testing::TestWithParam<uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, Slots, testing::Range<uint64_t>(1, 41));

TEST_P(Slots, NeverOverlapAndAreAsFewAsCanBe) {
  RecordProperty("seed", static_cast<int>(GetParam()));
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  std::mt19937_64 random(GetParam());
  auto below = [&](uint64_t n) { return static_cast<int64_t>(random() % n); };
  std::vector<repo::AbortedTransaction> listed;
  int64_t cut = 1'000;
  for (int64_t producer = 0; producer < 20; ++producer) {
    for (int64_t at = below(100); at < cut;) {
      int64_t last = at + 1 + below(below(5) == 0 ? 400 : 30);
      listed.push_back({producer, at, last});
      if (below(3) == 0) listed.push_back({producer, at, -1});
      at = last + 1 + below(200);
    }
  }
  std::shuffle(listed.begin(), listed.end(), random);
  AbortedIndex index(listed, 100, cut);
  std::vector<uint32_t> open(static_cast<size_t>(cut));
  std::vector<std::vector<bool>> busy(index.slots(), std::vector<bool>(static_cast<size_t>(cut)));
  size_t open_at_cut = 0;
  for (const PlannedAbort& t : index.transactions()) {
    ASSERT_LT(t.slot, index.slots());
    EXPECT_GE(t.last_offset, 100);
    EXPECT_LT(t.first_offset, cut);
    open_at_cut += t.last_offset == kOpen ? 1 : 0;
    for (int64_t o = t.first_offset; o <= std::min(t.last_offset, cut - 1); ++o) {
      auto at = static_cast<size_t>(o);
      EXPECT_FALSE(busy[t.slot][at]) << "slot " << t.slot << " at " << o;
      busy[t.slot][at] = true;
      ++open[at];
    }
  }
  EXPECT_EQ(index.open_at_cut(), open_at_cut);
  EXPECT_EQ(index.slots(), *std::max_element(open.begin(), open.end()));
  // The same in every run, however it is listed.
  std::shuffle(listed.begin(), listed.end(), random);
  EXPECT_EQ(AbortedIndex(listed, 100, cut).transactions(), index.transactions());
}

}  // namespace
}  // namespace maxbrod::engine
