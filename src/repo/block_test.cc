#include "repo/block.h"

#include <gtest/gtest.h>

#include <random>

#include "repo/object.h"

namespace maxbrod::repo {
namespace {

BlockEntry Entry(int64_t first, int64_t last, uint64_t pack_offset = kObjectHeaderBytes) {
  BlockEntry e;
  e.owner.topic_id.id = Uuid({1, 2, 3});
  e.owner.topic = "orders";
  e.owner.partition = 3;
  e.owner.branch = 9;
  e.owner.generation = Generation(2);
  e.stats.first_offset = first;
  e.stats.last_offset = last;
  e.place.pack_offset = pack_offset;
  e.place.plain_bytes = 1000;
  e.place.stored_bytes = 1100;
  e.place.frames = 2;
  return e;
}

std::vector<const BlockEntry*> Pointers(const std::vector<BlockEntry>& entries) {
  std::vector<const BlockEntry*> out;
  for (const auto& e : entries) out.push_back(&e);
  return out;
}

Status Decode(const format::BlockRun& run, std::vector<BlockEntry>* out) {
  // Through bytes, as it is stored.
  format::BlockRun copy;
  EXPECT_TRUE(copy.ParseFromString(run.SerializeAsString()));
  return DecodeRun(copy, out);
}
Status Decode(const format::BlockRun& run) {
  std::vector<BlockEntry> out;
  return Decode(run, &out);
}

std::vector<BlockEntry> RandomEntries(std::mt19937_64& rng, size_t n, bool checks) {
  std::vector<BlockEntry> entries;
  int64_t offset = 0;
  for (size_t i = 0; i < n; ++i) {
    offset += static_cast<int64_t>(rng() % 1000);
    BlockEntry e = Entry(offset, offset + static_cast<int64_t>(rng() % 5000));
    e.stats.first_epoch = static_cast<int32_t>(rng() % 7) - 1;
    e.stats.last_epoch = e.stats.first_epoch + static_cast<int32_t>(rng() % 3);
    e.stats.batches = static_cast<uint32_t>(rng() % 100);
    e.stats.records = rng() % 100000;
    e.stats.holes_inside = rng() % 4;
    e.stats.holes_between = rng() % 4;
    e.stats.missing_before = rng() % 4;
    e.stats.markers = static_cast<uint32_t>(rng() % 4);
    e.stats.min_timestamp = static_cast<int64_t>(rng() % 2000000000000) - 1;
    e.stats.max_timestamp = e.stats.min_timestamp + static_cast<int64_t>(rng() % 100000);
    e.stats.flags = static_cast<uint32_t>(rng() % 64);
    e.stats.largest_batch = static_cast<uint32_t>(rng());
    e.stats.codecs = static_cast<uint32_t>(rng() % 32);
    for (size_t a = rng() % 3; a > 0; --a) {
      e.stats.aborted.push_back({static_cast<int64_t>(rng() >> 1), offset, offset + 1});
    }
    e.place.frames = static_cast<uint32_t>(2 + rng() % 5);
    e.place.plain_bytes = 1 + rng() % kMiB;
    e.place.stored_bytes = e.place.frames * 16 + rng() % kMiB;
    e.place.pack_offset = kObjectHeaderBytes + rng() % (1ull << 40);
    e.place.first_frame = static_cast<uint32_t>(rng() % 1000000);
    if (checks) {
      for (uint32_t f = 0; f < e.place.frames; ++f) {
        e.place.frame_checks.push_back(static_cast<uint32_t>(rng()));
      }
    } else {
      e.pack = static_cast<uint32_t>(rng() % 5);
      e.commit = rng() % 1000;
    }
    entries.push_back(e);
  }
  return entries;
}

TEST(BlockRun, RoundTripsRandomBlocks) {
  uint64_t seed = std::random_device{}();
  std::printf("block_test seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 rng(seed);
  for (int round = 0; round < 50; ++round) {
    auto entries = RandomEntries(rng, 1 + rng() % 50, round % 2 == 0);
    std::vector<BlockEntry> got;
    RunUse use = round % 2 == 0 ? RunUse::kPackIndex : RunUse::kManifest;
    ASSERT_TRUE(Decode(EncodeRun(Pointers(entries), use), &got).ok());
    ASSERT_EQ(got, entries);
  }
}

TEST(BlockRun, ExtremeValuesRoundTrip) {
  std::vector<BlockEntry> entries = {Entry(0, INT64_MAX), Entry(INT64_MAX, INT64_MAX)};
  entries[0].stats.min_timestamp = INT64_MIN;
  entries[0].stats.max_timestamp = INT64_MAX;
  entries[1].stats.min_timestamp = INT64_MAX;
  entries[1].stats.max_timestamp = INT64_MAX;
  entries[1].stats.first_epoch = INT32_MAX;
  entries[1].stats.last_epoch = INT32_MAX;
  entries[1].owner.branch = entries[0].owner.branch = UINT64_MAX;
  std::vector<BlockEntry> got;
  ASSERT_TRUE(Decode(EncodeRun(Pointers(entries), RunUse::kManifest), &got).ok());
  EXPECT_EQ(got, entries);
}

TEST(BlockRun, ColumnsOfZerosAreLeftOut) {
  std::vector<BlockEntry> entries = {Entry(0, 9), Entry(10, 19)};
  format::BlockRun run = EncodeRun(Pointers(entries), RunUse::kManifest);
  EXPECT_EQ(run.holes_inside_size(), 0);
  EXPECT_EQ(run.pack_size(), 0);
  EXPECT_EQ(run.commit_size(), 0);
  EXPECT_EQ(run.frame_check_size(), 0);
  EXPECT_EQ(run.offset_span_size(), 2);
}

TEST(BlockRun, RunsAreCutByOwnerAndByRecordSize) {
  std::mt19937_64 rng(7);
  auto entries = RandomEntries(rng, 40000, true);
  for (size_t i = 30000; i < entries.size(); ++i) entries[i].owner.partition = 4;
  auto runs = EncodeRuns(Pointers(entries), RunUse::kPackIndex);
  EXPECT_GE(runs.size(), 4u);
  std::vector<BlockEntry> got;
  for (const auto& run : runs) {
    EXPECT_LE(run.ByteSizeLong(), kFramePlainBytesMax - 64);
    ASSERT_TRUE(Decode(run, &got).ok());
  }
  EXPECT_EQ(got, entries);
}

TEST(BlockRun, TheFullestBlockFitsARecord) {
  BlockEntry e = Entry(0, INT64_MAX);
  e.place.plain_bytes = kBlockPlainBytesMax;
  e.place.frames = static_cast<uint32_t>(kBlockPlainBytesMax / kFramePlainBytesMax + 2);
  e.place.stored_bytes = kBlockPlainBytesMax;
  e.place.frame_checks.assign(e.place.frames, UINT32_MAX);
  e.stats.aborted.assign(kBlockAbortedMax, {INT64_MAX, INT64_MAX, INT64_MAX});
  auto runs = EncodeRuns({&e}, RunUse::kPackIndex);
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_LE(runs[0].ByteSizeLong(), kFramePlainBytesMax - 64);
  std::vector<BlockEntry> got;
  ASSERT_TRUE(Decode(runs[0], &got).ok());
  EXPECT_EQ(got.at(0), e);
}

// Damages one thing of a good run of two blocks and expects it to be refused.
template <typename Damage>
void ExpectCorrupt(const char* what, Damage damage) {
  std::vector<BlockEntry> entries = {Entry(5, 9), Entry(10, 19, 5000)};
  for (auto& e : entries) {
    e.place.frame_checks = {1, 2};
    e.stats.aborted = {{1, 5, 6}};
  }
  format::BlockRun run = EncodeRun(Pointers(entries), RunUse::kPackIndex);
  ASSERT_TRUE(Decode(run).ok());
  damage(run);
  std::vector<BlockEntry> out(1);
  EXPECT_EQ(Decode(run, &out).code(), Code::kCorrupt) << what;
  EXPECT_EQ(out.size(), 1u) << "an error appends nothing";
}

TEST(BlockRun, NonsenseIsRefused) {
  using Run = format::BlockRun;
  ExpectCorrupt("short column", [](Run& r) { r.mutable_plain_bytes()->RemoveLast(); });
  ExpectCorrupt("long column", [](Run& r) { r.add_frames(2); });
  ExpectCorrupt("aborted column", [](Run& r) { r.add_aborted_block(0); });
  ExpectCorrupt("aborted of no block", [](Run& r) { r.set_aborted_block(0, 2); });
  ExpectCorrupt("topic id", [](Run& r) { r.set_topic_id("123"); });
  ExpectCorrupt("partition", [](Run& r) { r.set_partition(-1); });
  ExpectCorrupt("negative offset", [](Run& r) { r.set_first_offset_delta(0, -1); });
  ExpectCorrupt("order", [](Run& r) { r.set_first_offset_delta(1, -1); });
  ExpectCorrupt("offset overflow", [](Run& r) { r.set_offset_span(1, INT64_MAX); });
  ExpectCorrupt("offset span", [](Run& r) { r.set_offset_span(0, UINT64_MAX); });
  ExpectCorrupt("epoch", [](Run& r) { r.set_first_epoch_delta(0, -2); });
  ExpectCorrupt("no bytes", [](Run& r) { r.set_plain_bytes(0, 0); });
  ExpectCorrupt("huge block", [](Run& r) { r.set_plain_bytes(0, UINT64_MAX); });
  ExpectCorrupt("more bytes than frames hold", [](Run& r) { r.set_plain_bytes(0, kMiB + 1); });
  ExpectCorrupt("fewer bytes than frames need", [](Run& r) { r.set_stored_bytes(0, 31); });
  ExpectCorrupt("stored too long", [](Run& r) { r.set_stored_bytes(0, UINT64_MAX); });
  ExpectCorrupt("one frame", [](Run& r) { r.set_frames(0, 1); });
  ExpectCorrupt("place in header", [](Run& r) { r.set_pack_offset_delta(0, 79); });
  ExpectCorrupt("place overflow", [](Run& r) { r.set_pack_offset_delta(0, INT64_MAX); });
  ExpectCorrupt("frame checks", [](Run& r) { r.add_frame_check(1); });
}

TEST(BlockHeader, RoundTripsAndRefusesNonsense) {
  BlockEntry e = Entry(5, 9);
  format::BlockHeader h = EncodeBlockHeader(e.owner, e.stats, 1000);
  auto parse = [](const format::BlockHeader& header) {
    std::string bytes = header.SerializeAsString();
    return ParseBlockHeader(AsBytes(bytes));
  };
  auto got = parse(h);
  ASSERT_TRUE(got.ok());
  auto owner = OwnerOf(*got);
  ASSERT_TRUE(owner.ok());
  EXPECT_EQ(*owner, e.owner);
  h.set_last_offset(4);
  EXPECT_EQ(parse(h).status().code(), Code::kCorrupt);
  h.set_last_offset(9);
  h.set_topic_id("");
  EXPECT_EQ(parse(h).status().code(), Code::kCorrupt);
  EXPECT_EQ(ParseBlockHeader(AsBytes("\xff\xff")).status().code(), Code::kCorrupt);
}

}  // namespace
}  // namespace maxbrod::repo
