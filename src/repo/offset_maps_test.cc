#include "repo/offset_maps.h"

#include <gtest/gtest.h>

#include <random>

#include "repo/commit_codec.h"
#include "repo/object.h"
#include "store/mem_store.h"

namespace maxbrod::repo {
namespace {

PartitionOffsetMap Mapped(const std::string& topic, int32_t partition,
                          const std::vector<OffsetRange>& ranges, int64_t target_start = 0) {
  PartitionOffsetMap map{topic, topic + "-new", partition,
                         OffsetMap(0, int64_t{1} << 40, target_start)};
  for (const OffsetRange& r : ranges) {
    EXPECT_TRUE(map.map.Add(r.source_first, r.target_first, r.count).ok());
  }
  return map;
}

class OffsetMapsTest : public ::testing::Test {
 protected:
  format::RestoreRecord Write(const std::vector<PartitionOffsetMap>& maps,
                              const OffsetMapLimits& limits = {}) {
    auto refs = WriteOffsetMaps(store_, maps, context_, limits);
    EXPECT_TRUE(refs.ok()) << refs.status().ToString();
    format::RestoreRecord record;
    if (!refs.ok()) return record;
    for (const auto& ref : *refs) *record.add_offset_maps() = ref;
    return record;
  }
  // One object of these records; the header counts them unless told otherwise.
  Bytes Object(const std::vector<format::OffsetMapRun>& runs, int more_runs = 0,
               int more_ranges = 0) {
    ObjectBuilder builder(ObjectType::kOffsetMap);
    format::OffsetMapRecord record;
    auto* header = record.mutable_header();
    int ranges = more_ranges;
    for (const auto& run : runs) ranges += run.count_size();
    header->set_runs(static_cast<uint64_t>(static_cast<int>(runs.size()) + more_runs));
    header->set_ranges(static_cast<uint64_t>(ranges));
    EXPECT_TRUE(builder.Add(record).ok());
    for (const auto& run : runs) *record.mutable_runs()->add_runs() = run;
    if (!runs.empty()) {
      EXPECT_TRUE(builder.Add(record).ok());
    }
    return builder.Finish();
  }
  static format::OffsetMapRun Run(uint64_t gap = 0, uint64_t count = 10) {
    format::OffsetMapRun run;
    run.set_source_topic("a");
    run.set_target_topic("b");
    run.set_source_end(1000);
    run.add_source_gap(gap);
    run.add_count(count);
    return run;
  }
  Code Decode(const Bytes& bytes) { return DecodeOffsetMaps("map", bytes).status().code(); }

  CallContext context_;
  store::MemStore store_;
};

TEST_F(OffsetMapsTest, MapsComeBack) {
  std::vector<PartitionOffsetMap> maps = {
      Mapped("a", 0, {{0, 0, 10}, {20, 10, 5}, {100, 15, 1000}}), Mapped("a", 1, {}, 77),
      Mapped("b", 0, {{5, 100, 10}, {15, 200, 1}, {int64_t{1} << 39, 300, 5}}, 90)};
  format::RestoreRecord record = Write(maps);
  ASSERT_EQ(record.offset_maps_size(), 1);
  auto back = ReadOffsetMaps(store_, record, context_);
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(*back, maps);
  EXPECT_TRUE(CheckOffsetMaps(store_, record.offset_maps(0), context_).ok());
}

TEST_F(OffsetMapsTest, NoMapsNoObjects) {
  EXPECT_EQ(Write({}).offset_maps_size(), 0);
  auto back = ReadOffsetMaps(store_, format::RestoreRecord(), context_);
  ASSERT_TRUE(back.ok());
  EXPECT_TRUE(back->empty());
}

TEST_F(OffsetMapsTest, LargeMapsGoOnInRunsRecordsAndObjects) {
  uint64_t seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  auto below = [&](uint64_t n) { return static_cast<int64_t>(random() % n); };
  std::vector<PartitionOffsetMap> maps;
  for (int32_t partition = 0; partition < 20; ++partition) {
    PartitionOffsetMap map = Mapped("topic", partition, {});
    int64_t source = 0, target = 0;
    for (int64_t ranges = below(3) == 0 ? 0 : below(2000); ranges > 0; --ranges) {
      source += 1 + below(4);
      target += below(10) == 0 ? below(1000) : 0;
      int64_t count = 1 + below(30);
      ASSERT_TRUE(map.map.Add(source, target, count).ok());
      source += count;
      target += count;
    }
    maps.push_back(std::move(map));
  }
  for (OffsetMapLimits limits :
       {OffsetMapLimits{}, OffsetMapLimits{.run_ranges = 7},
        OffsetMapLimits{.ranges = 500, .run_ranges = 100},
        OffsetMapLimits{.runs = 3, .run_ranges = 300}, OffsetMapLimits{.stored_bytes = 1}}) {
    format::RestoreRecord record = Write(maps, limits);
    auto back = ReadOffsetMaps(store_, record, context_);
    ASSERT_TRUE(back.ok()) << back.status().ToString();
    EXPECT_EQ(*back, maps);
    bool cut = limits.ranges < 1000 || limits.runs < 10;
    EXPECT_EQ(record.offset_maps_size() > 1, cut);
  }
}

// What a log compacted by half costs: each second record is there.
TEST_F(OffsetMapsTest, ARangeTakesAFewBytes) {
  PartitionOffsetMap map = Mapped("topic", 0, {});
  std::mt19937_64 random(1);
  int64_t source = 0, target = 0;
  constexpr int64_t kRanges = 200'000;
  for (int64_t i = 0; i < kRanges; ++i) {
    source += 1 + static_cast<int64_t>(random() % 3);
    int64_t count = 1 + static_cast<int64_t>(random() % 3);
    ASSERT_TRUE(map.map.Add(source, target, count).ok());
    source += count;
    target += count;
  }
  map.map.ShrinkToFit();
  EXPECT_EQ(map.map.memory_bytes(), static_cast<size_t>(kRanges) * 24);
  format::RestoreRecord record = Write({map});
  ASSERT_EQ(record.offset_maps_size(), 1);
  EXPECT_LT(record.offset_maps(0).length(), static_cast<uint64_t>(kRanges));
}

TEST_F(OffsetMapsTest, ManySmallPartitionsShareRecords) {
  std::vector<PartitionOffsetMap> maps;
  for (int32_t p = 0; p < 10'000; ++p) maps.push_back(Mapped("topic", p, {{0, 0, 1000}}));
  format::RestoreRecord record = Write(maps);
  ASSERT_EQ(record.offset_maps_size(), 1);
  EXPECT_LT(record.offset_maps(0).length(), 100u * kKiB);
  auto back = ReadOffsetMaps(store_, record, context_);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, maps);
}

TEST_F(OffsetMapsTest, WhatCannotBeStoredIsRefused) {
  PartitionOffsetMap nameless = Mapped("a", 0, {{0, 0, 1}});
  nameless.source_topic.clear();
  PartitionOffsetMap negative{"a", "b", -1, OffsetMap(0, 1, 0)};
  PartitionOffsetMap backwards{"a", "b", 0, OffsetMap(5, 1, 0)};
  for (const auto& map : {nameless, negative, backwards}) {
    EXPECT_EQ(WriteOffsetMaps(store_, {map}, context_).status().code(), Code::kInternal);
  }
  EXPECT_TRUE(store_.List("", "", 10, context_)->objects.empty());
}

TEST_F(OffsetMapsTest, APartitionThatComesTwiceIsCorrupt) {
  auto a = Mapped("a", 0, {{0, 0, 1}});
  auto b = Mapped("a", 1, {{0, 0, 1}});
  EXPECT_EQ(ReadOffsetMaps(store_, Write({a, b, a}), context_).status().code(), Code::kCorrupt);
}

TEST_F(OffsetMapsTest, RunsThatMakeNoSenseAreCorrupt) {
  EXPECT_EQ(Decode(Object({Run()})), Code::kOk);
  EXPECT_EQ(Decode(Object({Run(990, 10)})), Code::kOk);
  EXPECT_EQ(Decode(Object({Run(991, 10)})), Code::kCorrupt) << "beyond the end";
  EXPECT_EQ(Decode(Object({Run(0, 0)})), Code::kCorrupt);
  EXPECT_EQ(Decode(Object({Run(UINT64_MAX, 1)})), Code::kCorrupt);
  EXPECT_EQ(Decode(Object({Run(0, UINT64_MAX)})), Code::kCorrupt);
  EXPECT_EQ(Decode(Object({Run(), Run()})), Code::kCorrupt) << "the same range again";
  auto with = [&](auto change) {
    format::OffsetMapRun run = Run();
    change(&run);
    return Decode(Object({run}));
  };
  EXPECT_EQ(with([](auto* r) { r->clear_source_topic(); }), Code::kCorrupt);
  EXPECT_EQ(with([](auto* r) { r->clear_target_topic(); }), Code::kCorrupt);
  EXPECT_EQ(with([](auto* r) { r->set_partition(-1); }), Code::kCorrupt);
  EXPECT_EQ(with([](auto* r) { r->set_source_start(-1); }), Code::kCorrupt);
  EXPECT_EQ(with([](auto* r) { r->set_source_end(-1); }), Code::kCorrupt);
  EXPECT_EQ(with([](auto* r) { r->set_target_start(-1); }), Code::kCorrupt);
  EXPECT_EQ(with([](auto* r) { r->add_source_gap(1); }), Code::kCorrupt);
  EXPECT_EQ(with([](auto* r) { r->add_count(1); }), Code::kCorrupt);
  EXPECT_EQ(with([](auto* r) { r->set_source_skip(UINT64_MAX); }), Code::kCorrupt);
  EXPECT_EQ(with([](auto* r) { r->set_target_skip(INT64_MAX); }), Code::kCorrupt);
  EXPECT_EQ(with([](auto* r) { r->add_target_gap(UINT64_MAX); }), Code::kCorrupt);
  EXPECT_EQ(with([](auto* r) {
              r->add_target_gap(1);
              r->add_target_gap(1);
            }),
            Code::kCorrupt);
  // A part that covers something else than the part before.
  format::OffsetMapRun more = Run(10);
  more.set_source_end(2000);
  EXPECT_EQ(Decode(Object({Run(), more})), Code::kCorrupt);
}

TEST_F(OffsetMapsTest, AHeaderThatDoesNotCountWhatFollowsIsCorrupt) {
  EXPECT_EQ(Decode(Object({Run()}, 1)), Code::kCorrupt);
  EXPECT_EQ(Decode(Object({Run()}, -1)), Code::kCorrupt);
  EXPECT_EQ(Decode(Object({Run()}, 0, 1)), Code::kCorrupt);
  EXPECT_EQ(Decode(Object({Run()}, 0, -1)), Code::kCorrupt);
  EXPECT_EQ(Decode(Object({}, 1 << 20)), Code::kCorrupt) << "more than any object may hold";
  EXPECT_EQ(Decode(Object({}, 0, 5 << 20)), Code::kCorrupt);
  ObjectBuilder headless(ObjectType::kOffsetMap);
  format::OffsetMapRecord record;
  *record.mutable_runs()->add_runs() = Run();
  ASSERT_TRUE(headless.Add(record).ok());
  EXPECT_EQ(Decode(headless.Finish()), Code::kCorrupt);
  ObjectBuilder strange(ObjectType::kOffsetMap);
  ASSERT_TRUE(strange.Add(format::OffsetMapRecord()).ok());
  EXPECT_EQ(Decode(strange.Finish()), Code::kUnsupported);
}

TEST_F(OffsetMapsTest, DamageAndAbsenceAreNamed) {
  format::RestoreRecord record = Write({Mapped("a", 0, {{0, 0, 10}})});
  std::string name = OffsetMapName(record.offset_maps(0));
  Bytes bytes = *store_.Get(name, kMiB, context_);
  bytes[bytes.size() - 6] ^= 1;
  ASSERT_TRUE(store_.Overwrite(name, bytes));
  Status status = ReadOffsetMaps(store_, record, context_).status();
  EXPECT_EQ(status.code(), Code::kCorrupt);
  EXPECT_NE(status.message().find(name), std::string::npos) << status.message();
  ASSERT_TRUE(store_.Remove(name, context_).ok());
  EXPECT_EQ(ReadOffsetMaps(store_, record, context_).status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace maxbrod::repo
