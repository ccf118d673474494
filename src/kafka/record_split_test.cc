#include "kafka/record_split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <random>
#include <sstream>

namespace maxbrod::kafka {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr CompressionType kCodecs[] = {CompressionType::kNone, CompressionType::kGzip,
                                       CompressionType::kSnappy, CompressionType::kLz4,
                                       CompressionType::kZstd};
constexpr int64_t kTime = 1'600'000'000'000;

// A record as the model sees it, without its offset.
struct Plain {
  int64_t timestamp = 0;
  std::optional<std::string> key, value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  bool operator==(const Plain&) const = default;
};
using Log = std::map<int64_t, Plain>;

std::optional<std::string> Copy(const std::optional<ByteView>& view) {
  return view ? std::optional<std::string>(AsText(*view)) : std::nullopt;
}
std::optional<ByteView> View(const std::optional<std::string>& text) {
  return text ? std::optional<ByteView>(AsBytes(*text)) : std::nullopt;
}

Log Read(ByteView entry) {
  Log log;
  Bytes buffer;
  auto it = RecordIterator::Open(entry, &buffer);
  EXPECT_TRUE(it.ok()) << it.status().ToString();
  RecordView record;
  while (it.ok() && it->Next(&record)) {
    Plain& plain = log[record.offset];
    plain.timestamp = record.timestamp;
    plain.key = Copy(record.key);
    plain.value = Copy(record.value);
    std::vector<RecordHeader> headers;
    EXPECT_TRUE(ReadHeaders(record, &headers).ok());
    for (const RecordHeader& h : headers)
      plain.headers.emplace_back(std::string(h.key), Copy(h.value));
  }
  EXPECT_TRUE(it.ok() && it->status().ok());
  return log;
}

Bytes Build(const BatchSpec& spec, const Log& log) {
  RecordBatchBuilder builder(spec);
  for (const auto& [offset, plain] : log) {
    std::vector<RecordHeader> headers;
    for (const auto& [key, value] : plain.headers) headers.push_back({key, View(value)});
    builder.AddAt(offset, plain.timestamp, View(plain.key), View(plain.value), headers);
  }
  Result<Bytes> batch = builder.Build();
  EXPECT_TRUE(batch.ok()) << batch.status().ToString();
  return batch.ok() ? std::move(batch).value() : Bytes();
}

// What LogValidator asks of a producer's batch, and what SplitEntry promises of it.
void ExpectProducible(const SplitBatch& batch, int codec) {
  ASSERT_TRUE(CheckBatchCrc(batch.bytes).ok());
  auto h = BatchHeader::Parse(batch.bytes);
  ASSERT_TRUE(h.ok()) << h.status().ToString();
  Log log = Read(batch.bytes);
  int64_t max_timestamp = log.begin()->second.timestamp;
  for (const auto& [offset, plain] : log) max_timestamp = std::max(max_timestamp, plain.timestamp);
  BatchHeader expected;
  expected.base_offset = batch.base_offset;
  expected.batch_length = static_cast<int32_t>(batch.bytes.size() - kLogOverheadBytes);
  expected.crc = h->crc;
  expected.attributes = static_cast<int16_t>(codec);
  expected.last_offset_delta = static_cast<int32_t>(batch.next_offset - batch.base_offset - 1);
  expected.base_timestamp = log.begin()->second.timestamp;
  expected.max_timestamp = max_timestamp;
  expected.record_count = static_cast<int32_t>(batch.next_offset - batch.base_offset);
  EXPECT_EQ(expected, *h);
  EXPECT_EQ(log.size(), static_cast<size_t>(h->record_count));
}

std::vector<SplitBatch> Split(ByteView entry, const SplitOptions& options = {}) {
  std::vector<SplitBatch> out;
  Status status = SplitEntry(entry, options, &out);
  EXPECT_TRUE(status.ok()) << status.ToString();
  BatchIterator it(entry);
  BatchEntry parsed;
  EXPECT_TRUE(it.Next(&parsed));
  for (const SplitBatch& batch : out) ExpectProducible(batch, parsed.header.codec_id());
  return out;
}

Log ReadAll(const std::vector<SplitBatch>& batches) {
  Log all;
  for (const SplitBatch& batch : batches) all.merge(Read(batch.bytes));
  return all;
}

// {base, next} of each.
std::vector<std::pair<int64_t, int64_t>> Ranges(const std::vector<SplitBatch>& batches) {
  std::vector<std::pair<int64_t, int64_t>> ranges;
  for (const SplitBatch& batch : batches) ranges.emplace_back(batch.base_offset, batch.next_offset);
  return ranges;
}

using RangeList = std::vector<std::pair<int64_t, int64_t>>;

// Offsets 100-101, 104, 109 of a batch from 98 to 111.
Bytes Holed(const BatchSpec& changes = {}) {
  BatchSpec spec = changes;
  spec.base_offset = 98;
  spec.last_offset = 111;
  return Build(spec, {{100, {kTime, "a", "1", {{"h", "x"}}}},
                      {101, {kTime + 1, "b", std::nullopt, {}}},
                      {104, {kTime - 5, std::nullopt, "3", {}}},
                      {109, {kTime + 9, "d", "", {{"", std::nullopt}}}}});
}

TEST(RecordSplitTest, ARunIsABatch) {
  Bytes entry = Holed();
  auto batches = Split(entry);
  EXPECT_EQ((RangeList{{100, 102}, {104, 105}, {109, 110}}), Ranges(batches));
  EXPECT_EQ(Read(entry), ReadAll(batches));
  EXPECT_EQ(2u, batches[0].records);
  EXPECT_EQ(1u, batches[1].records);
}

TEST(RecordSplitTest, HolesAreFilledWithTheirNeighboursTime) {
  Bytes entry = Holed();
  auto batches = Split(entry, {.fill_holes = true});
  ASSERT_EQ((RangeList{{98, 112}}), Ranges(batches));
  EXPECT_EQ(4u, batches[0].records);
  Log expected = Read(entry);
  for (int64_t offset : {98, 99}) expected[offset] = {kTime, {}, {}, {}};
  for (int64_t offset : {102, 103}) expected[offset] = {kTime + 1, {}, {}, {}};
  for (int64_t offset : {105, 106, 107, 108}) expected[offset] = {kTime - 5, {}, {}, {}};
  for (int64_t offset : {110, 111}) expected[offset] = {kTime + 9, {}, {}, {}};
  EXPECT_EQ(expected, ReadAll(batches));
}

TEST(RecordSplitTest, ARangeIsCutOutAndFilledToItsEdges) {
  SplitOptions options{.first_offset = 101, .last_offset = 106};
  EXPECT_EQ((RangeList{{101, 102}, {104, 105}}), Ranges(Split(Holed(), options)));
  options.fill_holes = true;
  EXPECT_EQ((RangeList{{101, 107}}), Ranges(Split(Holed(), options)));
  options = {.first_offset = 102, .last_offset = 103, .fill_holes = true};
  EXPECT_THAT(Split(Holed(), options), IsEmpty());
  options = {.first_offset = 500, .fill_holes = true};
  EXPECT_THAT(Split(Holed(), options), IsEmpty());
}

TEST(RecordSplitTest, HolesTooWideStayOpen) {
  // 2, 2, 4 and 2 fillers.
  auto ranges = [](uint64_t max) {
    return Ranges(Split(Holed(), {.fill_holes = true, .fillers_max = max}));
  };
  EXPECT_EQ((RangeList{{98, 112}}), ranges(10));
  EXPECT_EQ((RangeList{{98, 110}}), ranges(9));
  EXPECT_EQ((RangeList{{98, 105}, {109, 112}}), ranges(7));
  EXPECT_EQ((RangeList{{98, 102}, {104, 105}, {109, 110}}), ranges(3));
  EXPECT_EQ((RangeList{{100, 102}, {104, 105}, {109, 110}}), ranges(0));
  BatchSpec spec;
  spec.last_offset = std::numeric_limits<int32_t>::max() - 1;
  Bytes wide = Build(spec, {{7, {kTime, "k", {}, {}}}});
  EXPECT_EQ((RangeList{{0, 8}}), Ranges(Split(wide, {.fill_holes = true})));
}

TEST(RecordSplitTest, AppendTimeBecomesEveryRecordsTime) {
  BatchSpec spec;
  spec.codec = CompressionType::kLz4;
  spec.attributes = BatchAttributes::kLogAppendTime;
  spec.max_timestamp = kTime + 777;
  for (bool fill : {false, true}) {
    for (const auto& [offset, plain] : ReadAll(Split(Holed(spec), {.fill_holes = fill})))
      EXPECT_EQ(kTime + 777, plain.timestamp);
  }
}

TEST(RecordSplitTest, ADeleteHorizonIsNoTimestamp) {
  BatchSpec spec;
  spec.attributes = BatchAttributes::kDeleteHorizon | BatchAttributes::kTransactional;
  spec.base_timestamp = kTime + 86'400'000;
  spec.producer_id = 5;
  spec.producer_epoch = 1;
  spec.base_sequence = 70;
  Bytes entry = Holed(spec);
  EXPECT_EQ(Read(Holed()), ReadAll(Split(entry)));  // ExpectProducible looks at the header
}

TEST(RecordSplitTest, ABatchWithoutRecordsIsNone) {
  BatchHeader h;
  h.base_offset = 70;
  h.batch_length = kBatchHeaderBytes - kLogOverheadBytes;
  h.last_offset_delta = 9;
  h.attributes = static_cast<int16_t>(CompressionType::kZstd);
  Bytes entry(kBatchHeaderBytes);
  h.Store(entry.data());
  RecomputeBatchCrc(entry);
  EXPECT_THAT(Split(entry), IsEmpty());
  EXPECT_THAT(Split(entry, {.fill_holes = true}), IsEmpty());
}

TEST(RecordSplitTest, WhatIsRefusedLeavesNothing) {
  std::vector<SplitBatch> out = Split(Holed());
  Bytes marker = *BuildControlBatch(5, kTime, 1, 0, {});
  EXPECT_EQ(Code::kInvalidArgument, SplitEntry(marker, {}, &out).code());
  EXPECT_THAT(out, IsEmpty());
  Bytes damaged = Holed();
  StoreBig<int32_t>(damaged.data() + 57, 5);  // the fifth record is not there
  EXPECT_EQ(Code::kCorrupt, SplitEntry(damaged, {}, &out).code());
  EXPECT_THAT(out, IsEmpty());
  Bytes large = Build({.codec = CompressionType::kZstd},
                      {{0, {kTime, std::nullopt, std::string(100'000, 'x'), {}}}});
  EXPECT_EQ(Code::kCorrupt, SplitEntry(large, {.decompressed_max = 100'000}, &out).code());
  EXPECT_TRUE(SplitEntry(large, {.decompressed_max = 100'100}, &out).ok());
  EXPECT_THAT(out, SizeIs(1));
  EXPECT_EQ(Code::kCorrupt, SplitEntry(ByteView(), {}, &out).code());
  EXPECT_THAT(out, IsEmpty());
}

// The entries of format 0 and 1 that Kafka itself wrote.
TEST(RecordSplitTest, OldFormats) {
  std::ifstream file(MAXBROD_SOURCE_DIR "/tests/golden/batches.txt");
  std::string line;
  size_t entries = 0, with_holes = 0;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string name, hex;
    words >> name >> hex;
    if (!name.starts_with("v0") && !name.starts_with("v1")) continue;
    SCOPED_TRACE(name);
    Bytes set;
    ASSERT_TRUE(FromHex(hex, &set));
    BatchIterator it(set);
    BatchEntry entry;
    while (it.Next(&entry)) {
      ++entries;
      Log original = Read(entry.bytes);
      auto runs = Split(entry.bytes);
      EXPECT_EQ(original, ReadAll(runs));
      if (runs.size() > 1) ++with_holes;
      auto filled = Split(entry.bytes, {.fill_holes = true});
      int64_t from = original.begin()->first;
      EXPECT_EQ((RangeList{{from, original.rbegin()->first + 1}}), Ranges(filled));
      EXPECT_EQ(original.size(), filled[0].records);
      if (name.starts_with("v0")) {
        for (const auto& [offset, plain] : ReadAll(filled)) EXPECT_EQ(-1, plain.timestamp);
      }
      EXPECT_EQ(original.size() - 1,
                ReadAll(Split(entry.bytes, {.first_offset = from + 1})).size());
    }
  }
  EXPECT_GE(entries, 20u);
  EXPECT_GE(with_holes, 1u);
}

// Thousands of runs out of one batch: 200,000 records, every other one gone.
TEST(RecordSplitTest, ManyRunsTakeLinearTime) {
  RecordBatchBuilder builder({.codec = CompressionType::kLz4});
  constexpr int64_t kRecords = 100'000;
  for (int64_t i = 0; i < kRecords; ++i)
    builder.AddAt(2 * i, kTime + i, AsBytes("k"), AsBytes("v"));
  Bytes entry = *builder.Build();
  std::vector<SplitBatch> out;
  ASSERT_TRUE(SplitEntry(entry, {}, &out).ok());
  ASSERT_THAT(out, SizeIs(kRecords));
  ExpectProducible(out[kRecords - 1], static_cast<int>(CompressionType::kLz4));
  ASSERT_TRUE(SplitEntry(entry, {.fill_holes = true}, &out).ok());
  ASSERT_EQ((RangeList{{0, 2 * kRecords - 1}}), Ranges(out));
}

struct Random {
  std::mt19937_64 engine;
  uint64_t Below(uint64_t n) { return engine() % n; }
  std::optional<std::string> Text() {
    if (Below(4) == 0) return std::nullopt;
    return std::string(Below(50), static_cast<char>('a' + Below(26)));
  }
};

// What a broker would have to take, from the records alone.
Log Model(const Log& log, const BatchSpec& spec, const SplitOptions& options) {
  Log expected;
  for (const auto& [offset, plain] : log) {
    if (offset >= options.first_offset && offset <= options.last_offset) expected[offset] = plain;
  }
  if (expected.empty()) return expected;
  if ((spec.attributes & BatchAttributes::kLogAppendTime) != 0) {
    for (auto& [offset, plain] : expected) plain.timestamp = *spec.max_timestamp;
  }
  if (!options.fill_holes) return expected;
  Log kept = expected;
  int64_t from = std::max(spec.base_offset, options.first_offset);
  int64_t to = std::min(*spec.last_offset, options.last_offset);
  for (int64_t offset = from; offset <= to; ++offset) {
    if (kept.contains(offset)) continue;
    auto after = kept.upper_bound(offset);
    const Plain& neighbour = after == kept.begin() ? after->second : std::prev(after)->second;
    expected[offset] = {neighbour.timestamp, {}, {}, {}};
  }
  return expected;
}

TEST(RecordSplitTest, RandomBatches) {
  uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random{std::mt19937_64(seed)};
  for (int round = 0; round < 500 && !HasFailure(); ++round) {
    BatchSpec spec;
    spec.codec = kCodecs[random.Below(5)];
    spec.base_offset = static_cast<int64_t>(random.engine() >> 2);
    if (random.Below(3) == 0) spec.attributes |= BatchAttributes::kLogAppendTime;
    if ((spec.attributes & BatchAttributes::kLogAppendTime) != 0) spec.max_timestamp = kTime + 99;
    if (random.Below(3) == 0) {
      spec.attributes |= BatchAttributes::kDeleteHorizon;
      spec.base_timestamp = kTime + 86'400'000;
    }
    Log log;
    int64_t offset = spec.base_offset;
    uint64_t gap_max = 1 + random.Below(4);
    for (uint64_t i = 1 + random.Below(30); i > 0; --i) {
      offset += static_cast<int64_t>(random.Below(gap_max));
      Plain plain{static_cast<int64_t>(random.engine()), random.Text(), random.Text(), {}};
      for (uint64_t h = random.Below(3); h > 0; --h) plain.headers.emplace_back("h", random.Text());
      log[offset++] = plain;
    }
    spec.last_offset = offset - 1 + static_cast<int64_t>(random.Below(gap_max));
    SplitOptions options;
    options.fill_holes = random.Below(2) == 0;
    if (random.Below(2) == 0)
      options.first_offset = spec.base_offset + static_cast<int64_t>(random.Below(20)) - 3;
    if (random.Below(2) == 0)
      options.last_offset = *spec.last_offset + 3 - static_cast<int64_t>(random.Below(20));
    auto batches = Split(Build(spec, log), options);
    Log expected = Model(log, spec, options);
    EXPECT_EQ(expected, ReadAll(batches));
    uint64_t runs = 0;
    for (const auto& [at, plain] : expected) runs += expected.contains(at - 1) ? 0 : 1;
    EXPECT_EQ(runs, batches.size());
  }
}

}  // namespace
}  // namespace maxbrod::kafka
