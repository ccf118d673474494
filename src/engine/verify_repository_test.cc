#include "engine/verify_repository.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "engine/batch_scan.h"
#include "engine/verify_testing.h"

namespace maxbrod::engine {
namespace {

VerifyReport Verify(TestRepository& r, const format::SnapshotRef* snapshot = nullptr,
                    const Sampler& sampler = {}) {
  VerifyOptions options;
  options.snapshot = snapshot;
  options.sampler = sampler;
  Progress progress;
  auto report = VerifyRepository(r.repository(), options, progress, {});
  EXPECT_TRUE(report.ok()) << report.status().ToString();
  return report.ok() ? *report : VerifyReport();
}

std::string Text(const VerifyReport& report) {
  std::string text;
  for (const Problem& p : report.problems) text += p.ToString() + "\n";
  return text;
}

// Two partitions of "orders" in two packs, three blocks each, ten records to a batch.
struct Filled : TestRepository {
  Filled() {
    for (int32_t p : {0, 1}) {
      std::vector<Bytes> blocks;
      for (int64_t o = 0; o < 60; o += 20)
        blocks.push_back(Concat({TestBatch(o, o + 10), TestBatch(o + 10, o + 20)}));
      AddPack("orders", p, blocks);
    }
    ref = Snapshot("one");
  }
  format::SnapshotRef ref;
};

TEST(VerifyRepository, SoundIsOk) {
  Filled r;
  VerifyReport all = Verify(r);
  EXPECT_TRUE(all.Outcome().ok()) << Text(all);
  EXPECT_EQ(all.packs, 2u);
  EXPECT_EQ(all.blocks, 6u);
  EXPECT_EQ(all.batches, 12u);
  EXPECT_EQ(all.records, 120u);
  EXPECT_EQ(all.bytes, 2 * (TestBatch(0, 10).size() + 5 * TestBatch(10, 20).size()));
  EXPECT_GE(all.objects, 4u);  // packs, a manifest, a snapshot
  VerifyReport one = Verify(r, &r.ref);
  EXPECT_TRUE(one.Outcome().ok()) << Text(one);
  EXPECT_EQ(one.records, 120u);
}

TEST(VerifyRepository, EmptyIsOk) {
  TestRepository r;
  EXPECT_TRUE(Verify(r).Outcome().ok());
}

TEST(VerifyRepository, EachFlippedBitOfAPackIsNamed) {
  Filled r;
  std::random_device device;
  const unsigned seed = device();
  std::mt19937 dice(seed);
  for (const std::string& name : r.Names("pack/")) {
    const Bytes good = r.Read(name);
    for (int i = 0; i < 60; ++i) {
      // Both ends, then anywhere.
      size_t byte = i == 0 ? 0 : i == 1 ? good.size() - 1 : dice() % good.size();
      r.Flip(name, byte, static_cast<int>(dice() % 8));
      for (bool whole : {true, false}) {
        VerifyReport report = Verify(r, whole ? nullptr : &r.ref);
        EXPECT_EQ(report.Outcome().code(), Code::kCorrupt) << "seed " << seed << ", byte " << byte;
        EXPECT_NE(Text(report).find(name), std::string::npos)
            << "seed " << seed << ", byte " << byte;
        // The other blocks were read all the same.
        EXPECT_GE(report.blocks, 5u) << "seed " << seed << ", byte " << byte << "\n"
                                     << Text(report);
      }
      ASSERT_TRUE(r.store().Overwrite(name, good));
    }
  }
  EXPECT_TRUE(Verify(r).Outcome().ok());
}

TEST(VerifyRepository, AFlippedBitInAnyObjectIsNamed) {
  Filled r;
  std::random_device device;
  const unsigned seed = device();
  std::mt19937 dice(seed);
  std::set<std::string> kinds;
  for (const std::string& name : r.Names("")) {
    kinds.insert(name.substr(0, name.find('/')));
    const Bytes good = r.Read(name);
    for (int i = 0; i < 20; ++i) {
      size_t byte = dice() % good.size();
      r.Flip(name, byte, static_cast<int>(dice() % 8));
      Progress progress;
      auto report = VerifyRepository(r.repository(), {}, progress, {});
      std::string text = report.ok() ? Text(*report) : report.status().ToString();
      EXPECT_NE(text.find(name), std::string::npos)
          << "seed " << seed << ", " << name << " byte " << byte << ": " << text;
      ASSERT_TRUE(r.store().Overwrite(name, good));
    }
  }
  EXPECT_EQ(kinds, (std::set<std::string>{"config", "config.copy", "log", "manifest", "pack",
                                          "snapshot"}));
}

TEST(VerifyRepository, WhatNobodyNamesIsToldAndNoProblem) {
  Filled r;
  Bytes left = {1, 2, 3};
  ASSERT_TRUE(r.store().PutIfAbsent("pack/00/00000000000000000000000000000000", left, {}).ok());
  VerifyReport report = Verify(r);
  EXPECT_TRUE(report.Outcome().ok()) << Text(report);
  EXPECT_EQ(report.unreferenced_objects, 1u);
  EXPECT_EQ(report.unreferenced_bytes, 3u);
}

TEST(VerifyRepository, DamageIsNamedByPartitionAndOffsets) {
  Filled r;
  std::vector<repo::BlockUse> blocks = r.Blocks(r.ref, "orders", 1);
  const repo::BlockEntry& entry = blocks[1].entry;
  std::string pack = repo::PackName(blocks[1].pack);
  r.Flip(pack, entry.place.pack_offset + entry.place.stored_bytes - 20);
  VerifyReport report = Verify(r);
  ASSERT_EQ(report.problems.size(), 1u) << Text(report);
  EXPECT_EQ(report.problems[0].object, pack);
  EXPECT_EQ(report.problems[0].topic, "orders");
  EXPECT_EQ(report.problems[0].partition, 1);
  EXPECT_EQ(report.problems[0].first_offset, 20);
  EXPECT_EQ(report.problems[0].last_offset, 39);
  EXPECT_EQ(report.blocks, 5u);
  EXPECT_NE(report.Outcome().message().find("orders-1 offsets 20 to 39"), std::string::npos);
}

TEST(VerifyRepository, AMissingPackIsNamedWithAllItHeld) {
  Filled r;
  std::string pack = repo::PackName(r.Blocks(r.ref, "orders", 0)[0].pack);
  ASSERT_TRUE(r.store().Remove(pack, {}).ok());
  for (bool whole : {true, false}) {
    VerifyReport report = Verify(r, whole ? nullptr : &r.ref);
    std::string text = Text(report);
    EXPECT_NE(text.find(pack), std::string::npos);
    for (const char* range : {"0 to 19", "20 to 39", "40 to 59"}) {
      EXPECT_NE(text.find(std::string("orders-0 offsets ") + range), std::string::npos) << text;
    }
    EXPECT_EQ(report.blocks, 3u);
  }
}

TEST(VerifyRepository, ACutPackIsNamed) {
  Filled r;
  std::string pack = r.Names("pack/")[0];
  Bytes good = r.Read(pack);
  for (size_t size : {size_t{0}, size_t{1}, good.size() / 2, good.size() - 1}) {
    ASSERT_TRUE(r.store().Overwrite(
        pack, Bytes(good.begin(), good.begin() + static_cast<ptrdiff_t>(size))));
    VerifyReport report = Verify(r, &r.ref);
    EXPECT_NE(Text(report).find(pack), std::string::npos) << size;
    EXPECT_GE(report.blocks, 3u) << size;
  }
}

TEST(VerifyRepository, ADamagedManifestIsNamed) {
  Filled r;
  for (const std::string& name : r.Names("manifest/")) {
    Bytes good = r.Read(name);
    r.Flip(name, good.size() / 2);
    // What is cached in the process must not hide it.
    auto text = Text(Verify(r));
    EXPECT_NE(text.find(name), std::string::npos) << text;
    ASSERT_TRUE(r.store().Overwrite(name, good));
  }
  ASSERT_FALSE(r.Names("manifest/").empty());
}

TEST(VerifyRepository, AWrongBatchInSoundFramesIsNamed) {
  TestRepository r;
  Bytes block = Concat({TestBatch(0, 10), TestBatch(10, 20), TestBatch(20, 30)});
  repo::BlockStats stats;
  ScanCursor cursor;
  cursor.end_offset = INT64_MAX;
  ASSERT_TRUE(ScanBatches(block, SIZE_MAX, &cursor, [&](const BatchRun& run) {
                stats = run.stats;
                return Status::Ok();
              }).ok());
  // The frames are sound: somebody stored it so.
  size_t batch = TestBatch(0, 10).size();
  block[batch + 80] ^= 1;
  r.AddPackWithStats("t", 0, block, stats);
  auto ref = r.Snapshot("one");
  VerifyReport report = Verify(r, &ref);
  ASSERT_EQ(report.problems.size(), 1u) << Text(report);
  EXPECT_EQ(report.problems[0].first_offset, 10);
  EXPECT_EQ(report.problems[0].last_offset, 19);
}

TEST(VerifyRepository, WrongStatisticsAreNamed) {
  Bytes block = Concat({TestBatch(0, 10), TestBatch(10, 20)});
  repo::BlockStats right;
  ScanCursor cursor;
  cursor.end_offset = INT64_MAX;
  ASSERT_TRUE(ScanBatches(block, SIZE_MAX, &cursor, [&](const BatchRun& run) {
                right = run.stats;
                return Status::Ok();
              }).ok());
  struct Case {
    const char* named;
    std::function<void(repo::BlockStats*)> change;
  };
  for (const Case& c : {Case{"records 21", [](auto* s) { s->records = 21; }},
                        Case{"batches 3", [](auto* s) { s->batches = 3; }},
                        Case{"holes inside batches 1", [](auto* s) { s->holes_inside = 1; }},
                        Case{"holes between batches 1", [](auto* s) { s->holes_between = 1; }},
                        Case{"latest timestamp", [](auto* s) { s->max_timestamp += 1; }},
                        Case{"earliest timestamp", [](auto* s) { s->min_timestamp -= 1; }},
                        Case{"flags", [](auto* s) { s->flags |= repo::kBlockTransactional; }},
                        Case{"codecs", [](auto* s) { s->codecs = 2; }},
                        Case{"markers", [](auto* s) { s->markers = 1; }},
                        Case{"last epoch", [](auto* s) { s->last_epoch += 1; }},
                        Case{"largest batch", [](auto* s) { s->largest_batch += 1; }},
                        Case{"aborted", [](auto* s) { s->aborted.push_back({7, 30, 31}); }}}) {
    TestRepository r;
    repo::BlockStats stats = right;
    c.change(&stats);
    r.AddPackWithStats("t", 0, block, stats);
    auto ref = r.Snapshot("one");
    VerifyReport report = Verify(r, &ref);
    ASSERT_EQ(report.problems.size(), 1u) << c.named << "\n" << Text(report);
    EXPECT_NE(Text(report).find(c.named), std::string::npos) << Text(report);
    EXPECT_NE(Text(report).find("t-0 offsets 0 to 19"), std::string::npos) << Text(report);
  }
}

TEST(VerifyRepository, OffsetsInNoBlockAreNamed) {
  TestRepository r;
  r.AddPack("t", 0, {TestBatch(0, 10), TestBatch(20, 30)});
  auto ref = r.Snapshot("one");
  VerifyReport report = Verify(r, &ref);
  ASSERT_EQ(report.problems.size(), 1u) << Text(report);
  EXPECT_NE(Text(report).find("t-0 offsets 10 to 19"), std::string::npos) << Text(report);
}

TEST(VerifyRepository, ASampleReadsAPart) {
  TestRepository r;
  std::vector<Bytes> blocks;
  for (int64_t o = 0; o < 2000; o += 10) blocks.push_back(TestBatch(o, o + 10));
  r.AddPack("t", 0, blocks);
  auto ref = r.Snapshot("one");
  VerifyReport tenth = Verify(r, &ref, Sampler(0.1, 7));
  EXPECT_TRUE(tenth.Outcome().ok()) << Text(tenth);
  EXPECT_GT(tenth.blocks, 5u);
  EXPECT_LT(tenth.blocks, 50u);
  EXPECT_EQ(Verify(r, &ref, Sampler(0.1, 7)).blocks, tenth.blocks);
}

TEST(VerifyRepository, APlaceThatCannotBeReadIsDamageOfThatPlace) {
  Filled r;
  // The index of the pack read first, its header, then all its blocks at once, then the first of
  // them.
  r.faults()
      .On(store::StoreMethod::kGetRange)
      .For("pack/")
      .Skip(2)
      .Repeat(1)
      .ErrorInstead(Status(Code::kIo, "bad sector"));
  VerifyOptions options;
  options.threads = 1;
  Progress progress;
  auto report = VerifyRepository(r.repository(), options, progress, {});
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_TRUE(r.faults().AllFired()) << r.faults().Unfired();
  ASSERT_EQ(report->problems.size(), 1u) << Text(*report);
  EXPECT_EQ(report->problems[0].first_offset, 0);
  EXPECT_EQ(report->problems[0].last_offset, 19);
  EXPECT_NE(report->problems[0].what.find("bad sector"), std::string::npos);
  EXPECT_EQ(report->blocks, 5u);
}

TEST(VerifyRepository, AStoreOutOfReachIsNoDamage) {
  Filled r;
  r.faults()
      .On(store::StoreMethod::kGetRange)
      .For("pack/")
      .Skip(3)
      .ErrorInstead(Status(Code::kUnavailable, "gone"));
  Progress progress;
  auto report = VerifyRepository(r.repository(), {}, progress, {});
  EXPECT_EQ(report.status().code(), Code::kUnavailable);
}

TEST(VerifyRepository, CancelledStops) {
  Filled r;
  std::stop_source stop;
  stop.request_stop();
  Progress progress;
  auto report = VerifyRepository(r.repository(), {}, progress,
                                 CallContext{Deadline::Never(), stop.get_token()});
  EXPECT_EQ(report.status().code(), Code::kCancelled);
}

}  // namespace
}  // namespace maxbrod::engine
