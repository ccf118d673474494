#include "kafka/record.h"

#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <sstream>

namespace maxbrod::kafka {
namespace {

constexpr CompressionType kCodecs[] = {CompressionType::kNone, CompressionType::kGzip,
                                       CompressionType::kSnappy, CompressionType::kLz4,
                                       CompressionType::kZstd};
constexpr int64_t kTime = 1'600'000'000'000;

std::string HexOrNull(const std::optional<ByteView>& bytes) {
  return bytes ? ToHex(*bytes) : "-";
}

std::string Text(const RecordView& record) {
  std::string text = std::to_string(record.offset) + "," + std::to_string(record.timestamp) + "," +
                     HexOrNull(record.key) + "," + HexOrNull(record.value);
  std::vector<RecordHeader> headers;
  EXPECT_TRUE(ReadHeaders(record, &headers).ok());
  for (const RecordHeader& header : headers) {
    text += "," + ToHex(AsBytes(header.key)) + "=" + HexOrNull(header.value);
  }
  return text;
}

// All records of a record set as text; adds a failure if it is damaged.
std::vector<std::string> Texts(ByteView set) {
  std::vector<std::string> texts;
  BatchIterator entries(set);
  BatchEntry entry;
  while (entries.Next(&entry)) {
    EXPECT_TRUE(CheckBatchCrc(entry.bytes).ok());
    Bytes buffer;
    Result<RecordIterator> it = RecordIterator::Open(entry.bytes, &buffer);
    if (!it.ok()) {
      ADD_FAILURE() << it.status().ToString();
      return texts;
    }
    RecordView record;
    while (it->Next(&record)) texts.push_back(Text(record));
    EXPECT_TRUE(it->status().ok()) << it->status().ToString();
  }
  EXPECT_TRUE(entries.status().ok()) << entries.status().ToString();
  EXPECT_EQ(set.size(), entries.position());
  return texts;
}

// The first error of walking all records.
Status WalkStatus(ByteView batch, size_t decompressed_max = kDecompressedBytesMax) {
  Bytes buffer;
  MB_ASSIGN_OR_RETURN(RecordIterator it, RecordIterator::Open(batch, &buffer, decompressed_max));
  RecordView record;
  while (it.Next(&record)) {
  }
  return it.status();
}

struct GoldenBatch {
  std::string name;
  Bytes bytes;
  std::vector<std::string> records;
};

std::vector<GoldenBatch> ReadGolden() {
  std::ifstream file(MAXBROD_SOURCE_DIR "/tests/golden/batches.txt");
  EXPECT_TRUE(file.is_open());
  std::vector<GoldenBatch> batches;
  std::string line;
  while (std::getline(file, line)) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    GoldenBatch batch;
    std::string word;
    words >> batch.name >> word;
    EXPECT_TRUE(FromHex(word, &batch.bytes));
    while (words >> word) batch.records.push_back(word);
    batches.push_back(std::move(batch));
  }
  return batches;
}

GoldenBatch Golden(const std::string& name) {
  for (GoldenBatch& batch : ReadGolden()) {
    if (batch.name == name) return batch;
  }
  ADD_FAILURE() << "no golden batch " << name;
  return {};
}

// Records with every combination of null, empty and filled; `spec` decides about the rest.
Bytes Sample(const BatchSpec& spec, int64_t time_step = 3) {
  RecordBatchBuilder builder(spec);
  RecordHeader headers[] = {{"h", AsBytes("v")}, {"", std::nullopt}};
  builder.Add(kTime, AsBytes("k"), AsBytes("v"), headers);
  builder.Add(kTime + time_step, std::nullopt, AsBytes(std::string_view("")));
  builder.Add(kTime - time_step, AsBytes(std::string_view("")), std::nullopt);
  builder.Add(kTime + 2 * time_step, std::nullopt, std::nullopt);
  Result<Bytes> batch = builder.Build();
  EXPECT_TRUE(batch.ok()) << batch.status().ToString();
  return batch.ok() ? *batch : Bytes();
}

TEST(RecordGoldenTest, ReadsWhatKafkaWrote) {
  std::vector<GoldenBatch> all = ReadGolden();
  ASSERT_GE(all.size(), 40u);
  for (const GoldenBatch& golden : all) {
    SCOPED_TRACE(golden.name);
    EXPECT_EQ(golden.records, Texts(golden.bytes));
  }
}

TEST(RecordGoldenTest, WritesWhatKafkaWrites) {
  // Uncompressed batches must come out byte for byte; of compressed ones the records must.
  for (const char* name : {"v2-none-create", "v2-none-create-gaps", "v2-none-append",
                           "v2-control-commit", "v2-control-abort"}) {
    SCOPED_TRACE(name);
    GoldenBatch golden = Golden(name);
    BatchHeader h = *BatchHeader::Parse(golden.bytes);
    BatchSpec spec;
    spec.base_offset = h.base_offset;
    spec.partition_leader_epoch = h.partition_leader_epoch;
    spec.attributes = h.attributes;
    spec.producer_id = h.producer_id;
    spec.producer_epoch = h.producer_epoch;
    spec.base_sequence = h.base_sequence;
    spec.base_timestamp = h.base_timestamp;
    if (h.is_log_append_time()) spec.max_timestamp = h.max_timestamp;
    RecordBatchBuilder builder(spec);
    Bytes buffer;
    Result<RecordIterator> it = RecordIterator::Open(golden.bytes, &buffer);
    ASSERT_TRUE(it.ok());
    RecordView record;
    while (it->Next(&record)) {
      std::vector<RecordHeader> headers;
      ASSERT_TRUE(ReadHeaders(record, &headers).ok());
      builder.AddAt(record.offset, h.base_timestamp + record.timestamp_delta, record.key,
                    record.value, headers);
    }
    Result<Bytes> built = builder.Build();
    ASSERT_TRUE(built.ok()) << built.status().ToString();
    EXPECT_EQ(ToHex(golden.bytes), ToHex(*built));
  }
}

TEST(RecordTest, RoundTripWithEveryCodec) {
  for (CompressionType codec : kCodecs) {
    SCOPED_TRACE(NameOf(codec));
    BatchSpec spec;
    spec.codec = codec;
    spec.base_offset = 500;
    Bytes batch = Sample(spec);
    EXPECT_EQ((std::vector<std::string>{"500,1600000000000,6b,76,68=76,=-", "501,1600000000003,-,",
                                        "502,1599999999997,,-", "503,1600000000006,-,-"}),
              Texts(batch));
    BatchHeader h = *BatchHeader::Parse(batch);
    EXPECT_EQ(static_cast<int>(codec), h.codec_id());
    EXPECT_EQ(kTime, h.base_timestamp);
    EXPECT_EQ(kTime + 6, h.max_timestamp);
    EXPECT_EQ(4, h.record_count);
  }
}

TEST(RecordTest, LogAppendTimeCountsForAllRecords) {
  BatchSpec spec;
  spec.attributes = BatchAttributes::kLogAppendTime;
  spec.max_timestamp = kTime + 999;
  Bytes batch = Sample(spec);
  Bytes buffer;
  Result<RecordIterator> it = RecordIterator::Open(batch, &buffer);
  ASSERT_TRUE(it.ok());
  RecordView record;
  int records = 0;
  for (; it->Next(&record); ++records) EXPECT_EQ(kTime + 999, record.timestamp);
  EXPECT_EQ(4, records);
}

TEST(RecordTest, BuilderRefusesWhatIsNoBatch) {
  auto code_of = [](auto add) {
    BatchSpec spec;
    spec.base_offset = 10;
    RecordBatchBuilder builder(spec);
    add(builder);
    Result<Bytes> built = builder.Build();
    return built.status().code();
  };
  EXPECT_EQ(Code::kInvalidArgument, code_of([](RecordBatchBuilder&) {}));
  EXPECT_EQ(Code::kInvalidArgument,
            code_of([](RecordBatchBuilder& b) { b.AddAt(9, 0, std::nullopt, std::nullopt); }));
  EXPECT_EQ(Code::kInvalidArgument, code_of([](RecordBatchBuilder& b) {
              b.AddAt(11, 0, std::nullopt, std::nullopt);
              b.AddAt(11, 0, std::nullopt, std::nullopt);
            }));
  EXPECT_EQ(Code::kInvalidArgument, code_of([](RecordBatchBuilder& b) {
              b.AddAt(int64_t{10} + (int64_t{1} << 31), 0, std::nullopt, std::nullopt);
            }));
  EXPECT_EQ(Code::kOk,
            code_of([](RecordBatchBuilder& b) { b.AddAt(11, 0, std::nullopt, std::nullopt); }));
}

// Damage that a right CRC covers (a broken producer, or a lie): every byte of the body, changed in
// all bits.
TEST(RecordTest, DamagedRecordsAreErrorsOrOtherRecordsNeverMore) {
  BatchSpec spec;
  Bytes batch = Sample(spec);
  size_t refused = 0;
  for (size_t at = kBatchHeaderBytes; at < batch.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes damaged = batch;
      damaged[at] = static_cast<uint8_t>(damaged[at] ^ (1 << bit));
      Status status = WalkStatus(damaged);
      if (!status.ok()) {
        EXPECT_EQ(Code::kCorrupt, status.code());
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, batch.size());
}

TEST(RecordTest, CountsAndSizesThatLie) {
  BatchSpec spec;
  Bytes batch = Sample(spec);
  Bytes fewer = batch;
  StoreBig<int32_t>(fewer.data() + 57, 3);
  EXPECT_EQ(Code::kCorrupt, WalkStatus(fewer).code());  // bytes are left over
  Bytes shorter = batch;
  StoreBig<int32_t>(shorter.data() + 23, 2);  // last offset delta below the last record
  StoreBig<int32_t>(shorter.data() + 57, 3);
  EXPECT_EQ(Code::kCorrupt, WalkStatus(shorter).code());
  Bytes more = batch;
  StoreBig<int32_t>(more.data() + 23, 4);
  StoreBig<int32_t>(more.data() + 57, 5);
  EXPECT_EQ(Code::kCorrupt, WalkStatus(more).code());  // the records end too early
  Bytes longer = batch;
  longer.push_back(0);
  EXPECT_EQ(Code::kCorrupt, WalkStatus(longer).code());  // not one entry
  Bytes unknown = batch;
  unknown[22] = 7;
  EXPECT_EQ(Code::kUnsupported, WalkStatus(unknown).code());
}

TEST(RecordTest, DecompressionIsBounded) {
  RecordBatchBuilder builder({.codec = CompressionType::kZstd});
  Bytes zeros(1 << 20);
  builder.Add(kTime, std::nullopt, zeros);
  Bytes batch = *builder.Build();
  EXPECT_LT(batch.size(), 2000u);
  EXPECT_EQ(Code::kCorrupt, WalkStatus(batch, 1 << 20).code());
  EXPECT_TRUE(WalkStatus(batch, (1 << 20) + 100).ok());
}

TEST(RecordTest, ABatchEmptiedByTheCleanerHasNoRecords) {
  BatchHeader h;
  h.base_offset = 70;
  h.batch_length = kBatchHeaderBytes - kLogOverheadBytes;
  h.last_offset_delta = 9;
  h.attributes = static_cast<int16_t>(CompressionType::kZstd);
  Bytes batch(kBatchHeaderBytes);
  h.Store(batch.data());
  RecomputeBatchCrc(batch);
  EXPECT_EQ(std::vector<std::string>(), Texts(batch));
}

TEST(RecordTest, ControlRecords) {
  for (int16_t type : {ControlRecord::kAbort, ControlRecord::kCommit}) {
    Result<Bytes> batch = BuildControlBatch(7, kTime, 55, 2, {type, 9});
    ASSERT_TRUE(batch.ok());
    Result<ControlRecord> control = ControlRecord::ParseBatch(*batch);
    ASSERT_TRUE(control.ok()) << control.status().ToString();
    EXPECT_EQ(type, control->type);
    EXPECT_EQ(9, control->coordinator_epoch);
  }
  Result<ControlRecord> commit = ControlRecord::ParseBatch(Golden("v2-control-commit").bytes);
  ASSERT_TRUE(commit.ok());
  EXPECT_EQ(ControlRecord::kCommit, commit->type);
  EXPECT_EQ(9, commit->coordinator_epoch);
  EXPECT_EQ(Code::kCorrupt, ControlRecord::ParseBatch(Sample({})).status().code());
  RecordBatchBuilder shortened({.attributes = BatchAttributes::kControl});
  shortened.Add(kTime, AsBytes("abc"), std::nullopt);
  EXPECT_EQ(Code::kCorrupt, ControlRecord::ParseBatch(*shortened.Build()).status().code());
}

TEST(RecordTest, FillerIsSmallAndCached) {
  Result<Bytes> batch = BuildFillerBatch(100'000, kTime);
  ASSERT_TRUE(batch.ok());
  EXPECT_LT(batch->size(), 100'000u);
  BatchHeader h = *BatchHeader::Parse(*batch);
  EXPECT_EQ(100'000, h.record_count);
  EXPECT_EQ(0, h.missing_records());
  EXPECT_TRUE(WalkStatus(*batch).ok());
  Bytes buffer;
  Result<RecordIterator> it = RecordIterator::Open(*batch, &buffer);
  RecordView record;
  ASSERT_TRUE(it->Next(&record));
  EXPECT_EQ("0,1600000000000,-,-", Text(record));
  for (CompressionType codec : kCodecs) {
    EXPECT_EQ(200u, Texts(*BuildFillerBatch(200, kTime, codec)).size());
  }
  EXPECT_EQ(Code::kInvalidArgument, BuildFillerBatch(0, kTime).status().code());

  FillerBatches cache;
  FillerBatches::Batch first = *cache.Get(300, kTime);
  FillerBatches::Batch second = *cache.Get(300, kTime + 5);
  EXPECT_EQ(first.body, second.body);
  Bytes whole(second.header.begin(), second.header.end());
  Append(whole, *second.body);
  EXPECT_EQ(ToHex(*BuildFillerBatch(300, kTime + 5)), ToHex(whole));
}

TEST(RepackTest, AppendTimeBecomesEveryRecordsTime) {
  for (CompressionType codec : kCodecs) {
    SCOPED_TRACE(NameOf(codec));
    BatchSpec spec;
    spec.codec = codec;
    spec.base_offset = 500;
    spec.attributes = BatchAttributes::kLogAppendTime;
    spec.max_timestamp = kTime + 999;
    spec.producer_id = 8;
    spec.base_sequence = 4;
    spec.partition_leader_epoch = 3;
    Bytes batch = Sample(spec);
    std::vector<std::string> before = Texts(batch);
    Bytes out;
    ASSERT_TRUE(RepackLogAppendTime(batch, &out).ok());
    EXPECT_EQ(before, Texts(out));
    BatchHeader h = *BatchHeader::Parse(out);
    EXPECT_FALSE(h.is_log_append_time());
    EXPECT_EQ(kTime + 999, h.base_timestamp);
    EXPECT_EQ(kTime + 999, h.max_timestamp);
    EXPECT_EQ(static_cast<int>(codec), h.codec_id());
    EXPECT_EQ(500, h.base_offset);
    EXPECT_EQ(8, h.producer_id);
    EXPECT_EQ(4, h.base_sequence);
    EXPECT_EQ(3, h.partition_leader_epoch);
  }
}

TEST(RepackTest, OnlyTheHeaderChangesWhenAllTimesAreOne) {
  BatchSpec spec;
  spec.codec = CompressionType::kGzip;
  spec.attributes = BatchAttributes::kLogAppendTime;
  spec.max_timestamp = kTime + 999;
  Bytes batch = Sample(spec, /*time_step=*/0);
  Bytes out;
  ASSERT_TRUE(RepackLogAppendTime(batch, &out).ok());
  EXPECT_EQ(Texts(batch), Texts(out));
  EXPECT_EQ(ToHex(ByteView(batch).subspan(kBatchHeaderBytes)),
            ToHex(ByteView(out).subspan(kBatchHeaderBytes)));
  EXPECT_FALSE(BatchHeader::Parse(out)->is_log_append_time());
}

TEST(RepackTest, CreateTimeStaysAsItIs) {
  Bytes batch = Sample({.codec = CompressionType::kLz4});
  Bytes out;
  ASSERT_TRUE(RepackLogAppendTime(batch, &out).ok());
  EXPECT_EQ(ToHex(batch), ToHex(out));
}

TEST(RepackTest, ARangeOfOffsets) {
  for (CompressionType codec : kCodecs) {
    BatchSpec spec;
    spec.codec = codec;
    spec.base_offset = 500;
    spec.base_sequence = std::numeric_limits<int32_t>::max();
    Bytes batch = Sample(spec);
    std::vector<std::string> all = Texts(batch);
    for (int64_t first = 499; first <= 503; ++first) {
      for (int64_t last = std::max<int64_t>(first, 500); last <= 504; ++last) {
        SCOPED_TRACE(std::to_string(first) + " to " + std::to_string(last));
        RepackOptions options;
        options.first_offset = first;
        options.last_offset = last;
        Bytes out;
        ASSERT_TRUE(RepackBatch(batch, options, &out).ok());
        int64_t begin = std::max<int64_t>(first, 500);
        int64_t end = std::min<int64_t>(last, 503);
        EXPECT_EQ(std::vector<std::string>(all.begin() + (begin - 500), all.begin() + (end - 499)),
                  Texts(out));
        BatchHeader h = *BatchHeader::Parse(out);
        EXPECT_EQ(begin, h.base_offset);
        EXPECT_EQ(end, h.last_offset());
        EXPECT_EQ(0, h.missing_records());
        // Sequences wrap to zero.
        EXPECT_EQ(begin == 500 ? std::numeric_limits<int32_t>::max() : begin - 501,
                  h.base_sequence);
      }
    }
  }
}

TEST(RepackTest, ACutKeepsAppendTimeAndHoles) {
  GoldenBatch golden = Golden("v2-zstd-append-gaps");  // offsets 1000, 1005, 1006, 1042
  RepackOptions options;
  options.first_offset = 1001;
  options.last_offset = 1040;
  Bytes out;
  ASSERT_TRUE(RepackBatch(golden.bytes, options, &out).ok());
  EXPECT_EQ((std::vector<std::string>{golden.records[1], golden.records[2]}), Texts(out));
  BatchHeader h = *BatchHeader::Parse(out);
  EXPECT_TRUE(h.is_log_append_time());
  EXPECT_EQ(1001, h.base_offset);
  EXPECT_EQ(1040, h.last_offset());
  EXPECT_EQ(101, h.base_sequence);
  options.first_offset = 1007;
  options.last_offset = 1041;
  EXPECT_EQ(Code::kNotFound, RepackBatch(golden.bytes, options, &out).code());
}

TEST(RepackTest, ADeleteHorizonSurvivesACutButNotANewTime) {
  BatchSpec spec;
  spec.attributes = BatchAttributes::kDeleteHorizon;
  spec.base_timestamp = kTime + 86'400'000;
  Bytes batch = Sample(spec);
  std::vector<std::string> all = Texts(batch);
  RepackOptions options;
  options.first_offset = 1;
  Bytes out;
  ASSERT_TRUE(RepackBatch(batch, options, &out).ok());
  EXPECT_EQ(std::vector<std::string>(all.begin() + 1, all.end()), Texts(out));
  EXPECT_TRUE(BatchHeader::Parse(out)->has_delete_horizon());
  EXPECT_EQ(kTime + 86'400'000, BatchHeader::Parse(out)->base_timestamp);
  RepackOptions cleared;
  cleared.clear_attributes = BatchAttributes::kDeleteHorizon;
  ASSERT_TRUE(RepackBatch(batch, cleared, &out).ok());
  EXPECT_EQ(all, Texts(out));
  EXPECT_FALSE(BatchHeader::Parse(out)->has_delete_horizon());
}

TEST(RepackTest, OldFormatsBecomeV2) {
  size_t converted = 0;
  for (const GoldenBatch& golden : ReadGolden()) {
    if (golden.name.starts_with("v2")) continue;
    SCOPED_TRACE(golden.name);
    Bytes set;
    BatchIterator it(golden.bytes);
    BatchEntry entry;
    while (it.Next(&entry)) {
      Bytes out;
      RepackOptions options;
      options.append_time_to_create_time = true;
      Status status = RepackBatch(entry.bytes, options, &out);
      ASSERT_TRUE(status.ok()) << status.ToString();
      BatchHeader h = *BatchHeader::Parse(out);
      EXPECT_EQ(entry.header.codec_id(), h.codec_id());
      EXPECT_FALSE(h.is_log_append_time());
      Append(set, out);
      ++converted;
    }
    EXPECT_EQ(golden.records, Texts(set));
  }
  EXPECT_GE(converted, 20u);
}

// Random batches through cuts and codecs: the records kept are the records given.
TEST(RepackTest, RandomBatches) {
  uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    BatchSpec spec;
    spec.codec = kCodecs[random() % 5];
    spec.base_offset = static_cast<int64_t>(random() >> 3);
    bool append_time = random() % 3 == 0;
    if (append_time) {
      spec.attributes = BatchAttributes::kLogAppendTime;
      spec.max_timestamp = kTime;
    }
    RecordBatchBuilder builder(spec);
    int64_t offset = spec.base_offset;
    size_t count = 1 + random() % 20;
    for (size_t i = 0; i < count; ++i, offset += 1 + static_cast<int64_t>(random() % 3)) {
      Bytes value(random() % 300, static_cast<uint8_t>(random()));
      RecordHeader header{"name", ByteView(value)};
      builder.AddAt(offset, static_cast<int64_t>(random()),
                    random() % 2 ? std::optional<ByteView>(value) : std::nullopt,
                    random() % 2 ? std::optional<ByteView>(value) : std::nullopt,
                    std::span(&header, random() % 2));
    }
    Bytes batch = *builder.Build();
    std::vector<std::string> all = Texts(batch);
    ASSERT_EQ(count, all.size());
    RepackOptions options;
    options.append_time_to_create_time = random() % 2 == 0;
    options.first_offset = spec.base_offset + static_cast<int64_t>(random() % 10);
    Bytes out;
    Status status = RepackBatch(batch, options, &out);
    std::vector<std::string> expected;
    for (const std::string& text : all) {
      if (std::stoll(text) >= options.first_offset) expected.push_back(text);
    }
    if (expected.empty()) {
      ASSERT_EQ(Code::kNotFound, status.code());
      continue;
    }
    ASSERT_TRUE(status.ok()) << status.ToString();
    ASSERT_EQ(expected, Texts(out));
    ASSERT_EQ(append_time && !options.append_time_to_create_time,
              BatchHeader::Parse(out)->is_log_append_time());
  }
}

TEST(OldRecordTest, DamageIsAnError) {
  for (const char* name : {"v0-gzip-create", "v1-snappy-create", "v1-lz4-append"}) {
    SCOPED_TRACE(name);
    Bytes entry = Golden(name).bytes;
    Bytes zstd = entry;
    zstd[17] = static_cast<uint8_t>((zstd[17] & ~7) | 4);
    EXPECT_EQ(Code::kCorrupt, WalkStatus(zstd).code());
    Bytes longer = entry;
    size_t value_length_at = entry[16] == 0 ? 22 : 30;
    StoreBig<int32_t>(longer.data() + value_length_at,
                      LoadBig<int32_t>(entry.data() + value_length_at) + 1);
    EXPECT_EQ(Code::kCorrupt, WalkStatus(longer).code());
    Bytes null_value(entry.begin(), entry.begin() + static_cast<int64_t>(value_length_at) + 4);
    StoreBig<int32_t>(null_value.data() + value_length_at, -1);
    StoreBig<int32_t>(null_value.data() + 8, static_cast<int32_t>(null_value.size() - 12));
    EXPECT_EQ(Code::kCorrupt, WalkStatus(null_value).code());
    EXPECT_EQ(Code::kCorrupt, WalkStatus(entry, 10).code());
  }
}

}  // namespace
}  // namespace maxbrod::kafka
