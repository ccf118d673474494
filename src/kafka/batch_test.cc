#include "kafka/batch.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>

#include "codec/crc32c.h"

namespace maxbrod::kafka {
namespace {

// A batch whose records are `body_bytes` of noise: at this layer they are opaque.
Bytes MakeBatch(int64_t base_offset, int32_t records, size_t body_bytes = 100,
                int16_t attributes = 0) {
  BatchHeader h;
  h.base_offset = base_offset;
  h.batch_length = static_cast<int32_t>(kBatchHeaderBytes - kLogOverheadBytes + body_bytes);
  h.partition_leader_epoch = 5;
  h.attributes = attributes;
  h.last_offset_delta = records - 1;
  h.base_timestamp = 1'600'000'000'000;
  h.max_timestamp = 1'600'000'000'123;
  h.producer_id = 77;
  h.producer_epoch = 3;
  h.base_sequence = 11;
  h.record_count = records;
  Bytes bytes(kBatchHeaderBytes + body_bytes);
  h.Store(bytes.data());
  for (size_t i = kBatchHeaderBytes; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 7);
  RecomputeBatchCrc(bytes);
  return bytes;
}

Bytes MakeOldMessage(int8_t magic, int64_t offset, std::string_view value) {
  Bytes covered;
  AppendBig<int8_t>(covered, magic);
  AppendBig<int8_t>(covered, 0);
  if (magic == 1) AppendBig<int64_t>(covered, 1'500'000'000'000);
  AppendBig<int32_t>(covered, -1);
  AppendBig<int32_t>(covered, static_cast<int32_t>(value.size()));
  Append(covered, AsBytes(value));
  Bytes out;
  AppendBig<int64_t>(out, offset);
  AppendBig<int32_t>(out, static_cast<int32_t>(covered.size() + 4));
  AppendBig<uint32_t>(out, static_cast<uint32_t>(crc32_z(0, covered.data(), covered.size())));
  Append(out, covered);
  return out;
}

TEST(BatchTest, TheHeaderIsLaidOutByteByByte) {
  Bytes batch = MakeBatch(0x0102030405060708, 2, 3, BatchAttributes::kTransactional | 4);
  EXPECT_EQ(
      "0102030405060708"
      "00000034"
      "00000005"
      "02",
      ToHex(ByteView(batch).first(17)));
  EXPECT_EQ(
      "0014"
      "00000001"
      "00000174876e"
      "8000"
      "00000174876e"
      "807b"
      "000000000000004d"
      "0003"
      "0000000b"
      "00000002",
      ToHex(ByteView(batch).subspan(21, 40)));
}

TEST(BatchTest, HeaderRoundTripAndAccessors) {
  Bytes batch = MakeBatch(100, 10, 50,
                          BatchAttributes::kLogAppendTime | BatchAttributes::kControl |
                              BatchAttributes::kDeleteHorizon | 3);
  Result<BatchHeader> h = BatchHeader::Parse(batch);
  ASSERT_TRUE(h.ok()) << h.status().ToString();
  EXPECT_EQ(batch.size(), h->total_bytes());
  EXPECT_EQ(109, h->last_offset());
  EXPECT_EQ(110, h->next_offset());
  EXPECT_EQ(0, h->missing_records());
  EXPECT_EQ(3, h->codec_id());
  EXPECT_TRUE(h->is_log_append_time());
  EXPECT_FALSE(h->is_transactional());
  EXPECT_TRUE(h->is_control());
  EXPECT_TRUE(h->has_delete_horizon());
  Bytes again(kBatchHeaderBytes);
  h->Store(again.data());
  EXPECT_EQ(ToHex(ByteView(batch).first(kBatchHeaderBytes)), ToHex(again));
}

TEST(BatchTest, HeadersThatLie) {
  auto parse_with = [](size_t at, int32_t value) {
    Bytes batch = MakeBatch(0, 3);
    StoreBig(batch.data() + at, value);
    return BatchHeader::Parse(batch).status().code();
  };
  EXPECT_EQ(Code::kCorrupt, parse_with(8, 48));  // shorter than its own header
  EXPECT_EQ(Code::kCorrupt, parse_with(8, -1));
  EXPECT_EQ(Code::kCorrupt, parse_with(23, -1));  // last offset delta
  EXPECT_EQ(Code::kCorrupt, parse_with(57, -1));  // count
  EXPECT_EQ(Code::kCorrupt, parse_with(57, 4));   // more than offsets
  EXPECT_EQ(Code::kCorrupt, parse_with(0, -1));   // negative offset
  EXPECT_EQ(Code::kOk, parse_with(57, 0));        // emptied by the cleaner
  Bytes batch = MakeBatch(0, 3);
  EXPECT_EQ(Code::kCorrupt, BatchHeader::Parse(ByteView(batch).first(60)).status().code());
  batch[16] = 1;
  EXPECT_EQ(Code::kCorrupt, BatchHeader::Parse(batch).status().code());
}

TEST(BatchTest, WalksBatchesAndOldMessages) {
  Bytes set = MakeOldMessage(0, 7, "zero");
  Append(set, MakeOldMessage(1, 8, "one"));
  Append(set, MakeBatch(9, 4));
  Append(set, MakeBatch(13, 1, 0));
  BatchIterator it(set);
  std::vector<int64_t> offsets;
  std::vector<bool> old;
  BatchEntry entry;
  while (it.Next(&entry)) {
    offsets.push_back(entry.header.base_offset);
    old.push_back(entry.old_magic);
    EXPECT_TRUE(CheckBatchCrc(entry.bytes).ok());
    EXPECT_EQ(entry.header.total_bytes(), entry.bytes.size());
  }
  EXPECT_TRUE(it.status().ok());
  EXPECT_FALSE(it.cut_off());
  EXPECT_EQ(set.size(), it.position());
  EXPECT_EQ((std::vector<int64_t>{7, 8, 9, 13}), offsets);
  EXPECT_EQ((std::vector<bool>{true, true, false, false}), old);
}

TEST(BatchTest, OldMessagesShowTheirFields) {
  Bytes set = MakeOldMessage(1, 8, "one");
  BatchIterator it(set);
  BatchEntry entry;
  ASSERT_TRUE(it.Next(&entry));
  EXPECT_EQ(1, entry.header.magic);
  EXPECT_EQ(1'500'000'000'000, entry.header.max_timestamp);
  EXPECT_EQ(8, entry.header.last_offset());
  Bytes zero = MakeOldMessage(0, 8, "x");
  BatchIterator it0(zero);
  ASSERT_TRUE(it0.Next(&entry));
  EXPECT_EQ(-1, entry.header.max_timestamp);
}

TEST(BatchTest, EveryCutOfTheLastBatchIsNormal) {
  Bytes first = MakeBatch(0, 2);
  Bytes second = MakeBatch(2, 2);
  Bytes set = first;
  Append(set, second);
  for (size_t size = first.size(); size < set.size(); ++size) {
    BatchIterator it(ByteView(set).first(size));
    BatchEntry entry;
    ASSERT_TRUE(it.Next(&entry));
    EXPECT_FALSE(it.Next(&entry));
    EXPECT_TRUE(it.status().ok()) << it.status().ToString();
    EXPECT_EQ(first.size(), it.position());
    EXPECT_EQ(size != first.size(), it.cut_off());
    size_t there = size - first.size();
    EXPECT_EQ(there < kLogOverheadBytes ? 0 : second.size(), it.cut_off_bytes()) << there;
  }
}

TEST(BatchTest, LengthLiesAndUnknownFormatsAreErrors) {
  auto code_with = [](size_t at, auto value) {
    Bytes set = MakeBatch(0, 2);
    size_t first = set.size();
    Append(set, MakeBatch(2, 2));
    StoreBig(set.data() + first + at, value);
    BatchIterator it(set);
    BatchEntry entry;
    EXPECT_TRUE(it.Next(&entry));
    EXPECT_FALSE(it.Next(&entry));
    return it.status().code();
  };
  EXPECT_EQ(Code::kCorrupt, code_with(8, int32_t{-1}));
  EXPECT_EQ(Code::kCorrupt, code_with(8, int32_t{0}));
  EXPECT_EQ(Code::kCorrupt, code_with(8, int32_t{48}));
  EXPECT_EQ(Code::kCorrupt, code_with(16, int8_t{3}));
  EXPECT_EQ(Code::kCorrupt, code_with(16, int8_t{-1}));
  EXPECT_EQ(Code::kCorrupt, code_with(57, int32_t{3}));
}

TEST(BatchTest, CrcNoticesEveryByteItCovers) {
  Bytes batch = MakeBatch(50, 2, 20);
  EXPECT_TRUE(CheckBatchCrc(batch).ok());
  for (size_t i = 17; i < batch.size(); ++i) {
    Bytes damaged = batch;
    damaged[i] ^= 1;
    EXPECT_EQ(Code::kCorrupt, CheckBatchCrc(damaged).code()) << i;
  }
  EXPECT_EQ(Code::kCorrupt, CheckBatchCrc(ByteView(batch).first(batch.size() - 1)).code());
  Bytes two = batch;
  Append(two, batch);
  EXPECT_EQ(Code::kCorrupt, CheckBatchCrc(two).code());
  Bytes old = MakeOldMessage(1, 1, "value");
  EXPECT_TRUE(CheckBatchCrc(old).ok());
  old.back() ^= 1;
  EXPECT_EQ(Code::kCorrupt, CheckBatchCrc(old).code());
}

TEST(BatchTest, PatchingEqualsRecomputing) {
  uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 200; ++round) {
    Bytes batch = MakeBatch(1000, 5, random() % 3000, static_cast<int16_t>(random() & 0x7f));
    BatchHeader before = *BatchHeader::Parse(batch);
    BatchPatch patch;
    auto flip = [&random] { return random() % 2 == 0; };
    if (flip()) patch.base_offset = static_cast<int64_t>(random() >> 2);
    if (flip()) patch.partition_leader_epoch = static_cast<int32_t>(random() >> 40);
    if (flip()) patch.clear_attributes = static_cast<int16_t>(random() & 0x78);
    if (flip()) patch.set_attributes = static_cast<int16_t>(random() & 0x78);
    if (flip()) patch.base_timestamp = static_cast<int64_t>(random());
    if (flip()) patch.max_timestamp = static_cast<int64_t>(random());
    if (flip()) patch.producer_id = static_cast<int64_t>(random());
    if (flip()) patch.producer_epoch = static_cast<int16_t>(random());
    if (flip()) patch.base_sequence = static_cast<int32_t>(random());
    ASSERT_TRUE(PatchBatch(batch, patch).ok());
    ASSERT_TRUE(CheckBatchCrc(batch).ok());
    BatchHeader expected = before;
    expected.base_offset = patch.base_offset.value_or(before.base_offset);
    expected.partition_leader_epoch =
        patch.partition_leader_epoch.value_or(before.partition_leader_epoch);
    expected.attributes =
        static_cast<int16_t>((before.attributes & ~patch.clear_attributes) | patch.set_attributes);
    expected.base_timestamp = patch.base_timestamp.value_or(before.base_timestamp);
    expected.max_timestamp = patch.max_timestamp.value_or(before.max_timestamp);
    expected.producer_id = patch.producer_id.value_or(before.producer_id);
    expected.producer_epoch = patch.producer_epoch.value_or(before.producer_epoch);
    expected.base_sequence = patch.base_sequence.value_or(before.base_sequence);
    Bytes rebuilt = batch;
    expected.Store(rebuilt.data());
    RecomputeBatchCrc(rebuilt);
    ASSERT_EQ(ToHex(rebuilt), ToHex(batch));
  }
}

TEST(BatchTest, AHeaderMayBePatchedWithoutItsRecords) {
  Bytes batch = MakeBatch(0, 5, 1000);
  Bytes header(batch.begin(), batch.begin() + kBatchHeaderBytes);
  ASSERT_TRUE(PatchBatchHeader(header, BatchPatch::NoProducer()).ok());
  std::copy(header.begin(), header.end(), batch.begin());
  EXPECT_TRUE(CheckBatchCrc(batch).ok());
  EXPECT_EQ(-1, BatchHeader::Parse(batch)->producer_id);
}

TEST(BatchTest, PatchingDoesNotHideDamage) {
  Bytes batch = MakeBatch(0, 5, 1000);
  batch[500] ^= 1;
  BatchPatch patch;
  patch.base_offset = 5;
  patch.producer_id = 9;
  ASSERT_TRUE(PatchBatch(batch, patch).ok());
  EXPECT_FALSE(CheckBatchCrc(batch).ok());
  EXPECT_EQ(Code::kCorrupt, PatchBatch(MutableByteView(batch).first(200), patch).code());
}

}  // namespace
}  // namespace maxbrod::kafka
