#include "engine/time_cut.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "engine/verify_testing.h"

namespace maxbrod::engine {
namespace {

using kafka::BatchAttributes;
using kafka::BatchSpec;

constexpr int64_t kTime = 1'700'000'000'000;

// Records from `first` on with these timestamps, relative to kTime.
std::vector<TestRecord> Timed(int64_t first, const std::vector<int64_t>& times) {
  std::vector<TestRecord> records;
  for (int64_t time : times) records.push_back({first++, "k", "v", kTime + time, {}});
  return records;
}
Bytes Batch(int64_t first, const std::vector<int64_t>& times, BatchSpec spec = {}) {
  return TestBatch(Timed(first, times), spec);
}
Bytes Appended(int64_t first, int records, int64_t append_time, BatchSpec spec = {}) {
  spec.attributes |= BatchAttributes::kLogAppendTime;
  spec.max_timestamp = kTime + append_time;
  return Batch(first, std::vector<int64_t>(static_cast<size_t>(records), 5), spec);
}
Bytes Marker(int64_t offset, int64_t time) {
  auto batch =
      kafka::BuildControlBatch(offset, kTime + time, 9, 0, {.type = kafka::ControlRecord::kCommit});
  EXPECT_TRUE(batch.ok());
  return *batch;
}

class TimeCutTest : public ::testing::Test {
 protected:
  // One pack per block.
  void Log(const std::vector<Bytes>& blocks) {
    for (const Bytes& block : blocks) repository_.AddPack("t", 0, {block});
    blocks_ = repository_.Blocks(repository_.Snapshot("s"), "t", 0);
    ASSERT_EQ(blocks_.size(), blocks.size());
    start_ = blocks_.front().use_from;
    end_ = blocks_.back().use_to;
  }
  TimeCut Cut(int64_t time) {
    auto cut = FindTimeCut(repository_.store(), blocks_, start_, end_, kTime + time, {});
    EXPECT_TRUE(cut.ok()) << cut.status().ToString();
    return cut.ok() ? *cut : TimeCut();
  }
  int64_t At(int64_t time) { return Cut(time).offset; }
  // Reading that block fails from now on.
  void Spoil(size_t block) {
    const repo::BlockUse& use = blocks_[block];
    repository_.Flip(repo::PackName(use.pack),
                     use.entry.place.pack_offset + use.entry.place.stored_bytes - 10);
  }

  TestRepository repository_;
  std::vector<repo::BlockUse> blocks_;
  int64_t start_ = 0, end_ = 0;
};

TEST_F(TimeCutTest, ExactToTheRecordInsideABatch) {
  Log({Concat({Batch(0, {10, 20, 30}), Batch(3, {40, 50, 60})})});
  EXPECT_EQ(At(9), 0);
  EXPECT_EQ(At(10), 1) << "a record of that very time is kept";
  EXPECT_EQ(At(49), 4);
  EXPECT_EQ(At(50), 5);
  EXPECT_EQ(At(59), 5);
  EXPECT_FALSE(Cut(59).at_end);
  EXPECT_EQ(Cut(59).timestamp_of_last, kTime + 50);
  EXPECT_EQ(At(60), 6);
  EXPECT_TRUE(Cut(60).at_end);
  EXPECT_EQ(Cut(60).timestamp_of_last, kTime + 60);
  EXPECT_EQ(Cut(9).timestamp_of_last, -1) << "nothing is kept";
}

TEST_F(TimeCutTest, EveryCodecIsDecoded) {
  std::vector<Bytes> batches;
  int64_t offset = 0;
  for (CompressionType codec : {CompressionType::kGzip, CompressionType::kSnappy,
                                CompressionType::kLz4, CompressionType::kZstd}) {
    BatchSpec spec;
    spec.codec = codec;
    batches.push_back(Batch(offset, {offset, offset + 1, offset + 2}, spec));
    offset += 3;
  }
  Log({Concat(batches)});
  for (int64_t time = -1; time < 12; ++time) EXPECT_EQ(At(time), time + 1);
}

TEST_F(TimeCutTest, OutOfOrderTimesCutAtTheFirstLaterOne) {
  Log({Batch(0, {10, 90, 20, 30}), Batch(4, {40, 50})});
  EXPECT_EQ(At(50), 1) << "what lies behind it is cut off, however old";
  EXPECT_EQ(Cut(50).timestamp_of_last, kTime + 10);
  EXPECT_EQ(At(90), 6);
}

TEST_F(TimeCutTest, AppendTimeIsTheBatchs) {
  Log({Concat({Appended(0, 3, 100), Appended(3, 3, 200), Appended(6, 3, 300)})});
  EXPECT_EQ(At(99), 0);
  EXPECT_EQ(At(100), 3);
  EXPECT_EQ(At(250), 6);
  EXPECT_EQ(Cut(250).timestamp_of_last, kTime + 200);
  EXPECT_TRUE(Cut(300).at_end);
}

TEST_F(TimeCutTest, MarkersAreNoRecords) {
  // A marker that a restore wrote carries the time of the restore.
  Log({Concat({Batch(0, {10}), Marker(1, 1'000'000), Batch(2, {20})}), Marker(3, 2'000'000),
       Concat({Marker(4, 1), Batch(5, {30})})});
  EXPECT_EQ(At(10), 2);
  EXPECT_EQ(At(20), 5);
  EXPECT_TRUE(Cut(30).at_end);
  EXPECT_EQ(Cut(30).timestamp_of_last, kTime + 30);
}

TEST_F(TimeCutTest, OnlyTheBlockThatDecidesIsRead) {
  Log({Batch(0, {10, 20}), Batch(2, {30, 40}), Batch(4, {50, 60})});
  Spoil(0);
  Spoil(2);
  EXPECT_EQ(At(35), 3);
  EXPECT_EQ(At(20), 2);
  EXPECT_TRUE(Cut(60).at_end) << "known without reading anything";
  auto spoiled = FindTimeCut(repository_.store(), blocks_, start_, end_, kTime + 55, {});
  EXPECT_EQ(spoiled.status().code(), Code::kCorrupt);
}

TEST_F(TimeCutTest, ABatchThatClaimsALaterTimeThanItsRecordsDoesNotCut) {
  // The newest record was compacted away, and the header kept its time.
  BatchSpec spec;
  spec.max_timestamp = kTime + 500;
  Log({Batch(0, {10, 20}, spec), Concat({Batch(2, {30}, spec), Batch(3, {40})}), Batch(4, {600})});
  EXPECT_EQ(At(100), 4);
  EXPECT_EQ(Cut(100).timestamp_of_last, kTime + 40);
}

TEST_F(TimeCutTest, HolesOfCompaction) {
  BatchSpec spec;
  spec.last_offset = 9;
  std::vector<TestRecord> kept = Timed(0, {10});
  kept.push_back({4, "k", "v", kTime + 20, {}});
  kept.push_back({7, "k", "v", kTime + 30, {}});
  Log({TestBatch(kept, spec), Batch(20, {40})});
  EXPECT_EQ(At(10), 4);
  EXPECT_EQ(At(25), 7);
  EXPECT_EQ(At(30), 20);
}

TEST_F(TimeCutTest, OnlyTheRangeOfThePlanCounts) {
  Log({Batch(0, {100, 1, 2}), Batch(3, {3, 4, 5, 200})});
  start_ = 1;
  end_ = 6;
  TimeCut cut = Cut(50);
  EXPECT_EQ(cut.offset, 6) << "the late records lie below the start and beyond the end";
  EXPECT_TRUE(cut.at_end);
  EXPECT_EQ(At(3), 4);
  end_ = 1;
  EXPECT_EQ(Cut(0).offset, 1);
  EXPECT_TRUE(Cut(0).at_end) << "nothing to restore";
}

TEST_F(TimeCutTest, AnEmptyPartition) {
  auto cut = FindTimeCut(repository_.store(), {}, 7, 7, kTime, {});
  ASSERT_TRUE(cut.ok());
  EXPECT_EQ(cut->offset, 7);
  EXPECT_TRUE(cut->at_end);
  EXPECT_EQ(cut->timestamp_of_last, -1);
}

struct Timestamped {
  int64_t offset, timestamp;
};
std::vector<Timestamped> DecodeAll(ByteView batches) {
  std::vector<Timestamped> out;
  kafka::BatchIterator batch(batches);
  kafka::BatchEntry entry;
  while (batch.Next(&entry)) {
    if (entry.header.is_control()) continue;
    Bytes buffer;
    auto it = kafka::RecordIterator::Open(entry.bytes, &buffer);
    EXPECT_TRUE(it.ok());
    kafka::RecordView record;
    while (it->Next(&record)) out.push_back({record.offset, record.timestamp});
    EXPECT_TRUE(it->status().ok());
  }
  return out;
}
int64_t NaiveCut(const std::vector<Timestamped>& records, int64_t start, int64_t end,
                 int64_t time) {
  for (const Timestamped& r : records) {
    if (r.offset >= start && r.offset < end && r.timestamp > time) return r.offset;
  }
  return end;
}

// Batches of the old message formats as brokers wrote them, compressed and not.
TEST_F(TimeCutTest, OldFormats) {
  size_t files = 0;
  std::filesystem::path corpus(MAXBROD_SOURCE_DIR "/fuzz/corpus/fuzz_record");
  for (const auto& file : std::filesystem::directory_iterator(corpus)) {
    std::string name = file.path().filename();
    if (!name.starts_with("v0") && !name.starts_with("v1")) continue;
    SCOPED_TRACE(name);
    std::ifstream in(file.path(), std::ios::binary);
    std::string text(std::istreambuf_iterator<char>(in), {});
    Bytes block(text.begin(), text.end());
    std::vector<Timestamped> records = DecodeAll(block);
    ASSERT_FALSE(records.empty());
    TestRepository repository;
    repository.AddPack("t", 0, {block});
    auto blocks = repository.Blocks(repository.Snapshot("s"), "t", 0);
    int64_t end = records.back().offset + 1;
    std::set<int64_t> times = {0};
    for (const Timestamped& r : records) {
      if (r.timestamp > 0) times.insert({r.timestamp - 1, r.timestamp});
    }
    for (int64_t time : times) {
      auto cut = FindTimeCut(repository.store(), blocks, 0, end, time, {});
      ASSERT_TRUE(cut.ok()) << cut.status().ToString();
      EXPECT_EQ(cut->offset, NaiveCut(records, 0, end, time)) << time;
    }
    ++files;
  }
  EXPECT_GE(files, 10u);
}

TEST_F(TimeCutTest, RandomLogsAreCutAsANaiveReaderWould) {
  uint64_t seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  auto below = [&](int64_t n) { return static_cast<int64_t>(random() % static_cast<uint64_t>(n)); };
  for (int round = 0; round < 40; ++round) {
    TestRepository repository;
    std::vector<Timestamped> records;
    int64_t offset = below(10), time = 0;
    for (int64_t block = 0; block <= below(6); ++block) {
      std::vector<Bytes> batches;
      for (int64_t batch = 0; batch <= below(4); ++batch) {
        if (below(5) == 0) {
          batches.push_back(Marker(offset++, below(1'000)));
          continue;
        }
        std::vector<TestRecord> content;
        for (int64_t n = 0; n <= below(6); ++n) {
          time += below(20) - 4;
          content.push_back({offset, "k", "v", kTime + time, {}});
          offset += 1 + (below(4) == 0 ? below(3) : 0);
        }
        BatchSpec spec;
        spec.codec = below(2) == 0 ? CompressionType::kNone : CompressionType::kLz4;
        if (below(3) == 0) {
          spec.attributes = BatchAttributes::kLogAppendTime;
          spec.max_timestamp = kTime + time;
        }
        batches.push_back(TestBatch(content, spec));
      }
      Bytes joined = Concat(batches);
      for (const Timestamped& r : DecodeAll(joined)) records.push_back(r);
      repository.AddPack("t", 0, {joined});
    }
    auto blocks = repository.Blocks(repository.Snapshot("s"), "t", 0);
    int64_t start = blocks.front().use_from + below(5);
    int64_t end = std::max(start, blocks.back().use_to - below(5));
    for (int64_t at = -30; at < time + 40; at += 1 + below(5)) {
      auto cut = FindTimeCut(repository.store(), blocks, start, end, kTime + at, {});
      ASSERT_TRUE(cut.ok()) << cut.status().ToString();
      ASSERT_EQ(cut->offset, NaiveCut(records, start, end, kTime + at));
      ASSERT_LE(cut->timestamp_of_last, kTime + at);
    }
  }
}

TEST(ToOffsetTest, TopicPartitionOffset) {
  auto parse = [](std::string_view text) {
    auto cut = ParseToOffset(text);
    EXPECT_TRUE(cut.ok()) << cut.status().ToString();
    return cut.ok() ? *cut : OffsetCut();
  };
  EXPECT_EQ(parse("orders:3:12345"), (OffsetCut{"orders", 3, 12345}));
  EXPECT_EQ(parse("a.b-c_d:0:0"), (OffsetCut{"a.b-c_d", 0, 0}));
  EXPECT_EQ(parse("t:1:9223372036854775807"), (OffsetCut{"t", 1, INT64_MAX}));
  for (const char* text :
       {"", "orders", "orders:3", "orders:3:", ":3:1", "orders::1", "orders:3:1:2", "orders:-1:1",
        "orders:3:-1", "orders:3:+1", "orders:x:1", "orders:3:1x", "orders:3: 1",
        "orders:2147483648:1", "orders:3:9223372036854775808"}) {
    Status status = ParseToOffset(text).status();
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << text;
    EXPECT_FALSE(status.hint().empty());
  }
}

}  // namespace
}  // namespace maxbrod::engine
