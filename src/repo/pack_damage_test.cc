// No damage of a pack goes unnoticed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "repo/pack_format.h"
#include "repo/pack_testing.h"

namespace maxbrod::repo {
namespace {

using ::testing::HasSubstr;
class PackDamageTest : public PackTest {};

// Whether a reading of the whole pack notices the damage.
// different.
bool Noticed(store::Store& store, const format::PackRef& ref,
             const std::vector<TestBlock>& blocks) {
  bool wrong = false;
  size_t seen = 0;
  std::vector<PackDamage> damage;
  Status status = ScanPack(store, ref,
                           [&](const BlockEntry& e, ByteView batches) {
                             ++seen;
                             bool known = false;
                             for (const TestBlock& b : blocks) {
                               known = known || (b.owner == e.owner && b.stats == e.stats &&
                                                 std::equal(batches.begin(), batches.end(),
                                                            b.batches.begin(), b.batches.end()));
                             }
                             wrong = wrong || !known;
                             return Status::Ok();
                           },
                           &damage, {});
  EXPECT_FALSE(wrong) << "a damaged block was handed out";
  if (status.ok() && damage.empty()) {
    EXPECT_EQ(seen, blocks.size());
  }
  return !status.ok() || !damage.empty();
}

TEST_P(PackDamageTest, EveryFlippedBitIsNoticed) {
  auto blocks = SomeBlocks();
  for (int level : {0, 1}) {
    if (level > 0) blocks.push_back(MakeBlock("text", 0, 0, {3000}));
    PackOptions options;
    options.zstd_level = level;
    SealedPack pack = WritePack(store_, blocks, options);
    ASSERT_FALSE(Noticed(store_, pack.ref, blocks));
    Bytes good = Stored(pack);
    for (size_t i = 0; i < good.size(); ++i) {
      for (int bit = 0; bit < 8; ++bit) {
        Bytes bad = good;
        bad[i] = static_cast<uint8_t>(bad[i] ^ (1 << bit));
        ASSERT_TRUE(raw_->Overwrite(PackName(pack.ref), std::move(bad)));
        ASSERT_TRUE(Noticed(store_, pack.ref, blocks)) << "byte " << i << " bit " << bit;
      }
    }
  }
}

TEST_P(PackDamageTest, EveryTruncationIsNoticed) {
  auto blocks = SomeBlocks();
  SealedPack pack = WritePack(store_, blocks);
  Bytes good = Stored(pack);
  for (size_t n = 0; n < good.size(); ++n) {
    ASSERT_TRUE(raw_->Overwrite(PackName(pack.ref),
                                Bytes(good.begin(), good.begin() + static_cast<ptrdiff_t>(n))));
    EXPECT_TRUE(Noticed(store_, pack.ref, blocks)) << n;
    for (const BlockEntry& e : pack.blocks) {
      Bytes out;
      bool there = e.place.pack_offset + e.place.stored_bytes <= n;
      EXPECT_EQ(ReadBlock(store_, pack.ref, e, &out, {}).ok(), there) << n;
    }
  }
  Bytes longer = good;
  longer.push_back(0);
  ASSERT_TRUE(raw_->Overwrite(PackName(pack.ref), longer));
  EXPECT_TRUE(Noticed(store_, pack.ref, blocks));
}

TEST_P(PackDamageTest, SwappedBlocksAreNoticed) {
  // Two blocks of one length, exchanged whole.
  std::vector<TestBlock> blocks = {MakeBlock("orders", 0, 10, {100}, 'a'),
                                   MakeBlock("orders", 0, 20, {100}, 'b')};
  SealedPack pack = WritePack(store_, blocks);
  const BlockPlace& a = pack.blocks[0].place;
  const BlockPlace& b = pack.blocks[1].place;
  ASSERT_EQ(a.stored_bytes, b.stored_bytes);
  Bytes bytes = Stored(pack);
  std::swap_ranges(bytes.begin() + static_cast<ptrdiff_t>(a.pack_offset),
                   bytes.begin() + static_cast<ptrdiff_t>(a.pack_offset + a.stored_bytes),
                   bytes.begin() + static_cast<ptrdiff_t>(b.pack_offset));
  ASSERT_TRUE(raw_->Overwrite(PackName(pack.ref), bytes));
  for (BlockEntry e : pack.blocks) {
    Bytes out;
    EXPECT_EQ(ReadBlock(store_, pack.ref, e, &out, {}).code(), Code::kCorrupt);
    e.place.DropChecks();
    EXPECT_EQ(ReadBlock(store_, pack.ref, e, &out, {}).code(), Code::kCorrupt);
  }
}

TEST_P(PackDamageTest, ABlockOfAnotherPackIsNoticed) {
  std::vector<TestBlock> blocks = {MakeBlock("orders", 0, 0, {100}, 'a')};
  SealedPack pack = WritePack(store_, blocks);
  SealedPack other = WritePack(store_, {MakeBlock("orders", 0, 0, {100}, 'b')});
  Bytes bytes = Stored(pack), foreign = Stored(other);
  auto end = static_cast<ptrdiff_t>(pack.ref.index_offset());
  std::copy(foreign.begin() + 80, foreign.begin() + end, bytes.begin() + 80);
  ASSERT_TRUE(raw_->Overwrite(PackName(pack.ref), bytes));
  BlockEntry entry = pack.blocks[0];
  entry.place.DropChecks();
  Bytes out;
  EXPECT_EQ(ReadBlock(store_, pack.ref, entry, &out, {}).code(), Code::kCorrupt);
  // The whole other pack under this name, too.
  ASSERT_TRUE(raw_->Overwrite(PackName(pack.ref), foreign));
  EXPECT_EQ(ReadBlock(store_, pack.ref, entry, &out, {}).code(), Code::kCorrupt);
  EXPECT_EQ(ReadPackIndex(store_, pack.ref, {}).status().code(), Code::kCorrupt);
}

TEST_P(PackDamageTest, EntriesThatLieAreNoticed) {
  auto blocks = SomeBlocks();
  SealedPack pack = WritePack(store_, blocks);
  auto refused = [&](auto change) {
    BlockEntry e = pack.blocks[1];
    e.place.DropChecks();
    change(e);
    Bytes out;
    return ReadBlock(store_, pack.ref, e, &out, {}).code();
  };
  EXPECT_EQ(refused([](BlockEntry&) {}), Code::kOk);
  EXPECT_EQ(refused([](BlockEntry& e) { e.owner.partition++; }), Code::kCorrupt);
  EXPECT_EQ(refused([](BlockEntry& e) { e.owner.topic = "x"; }), Code::kCorrupt);
  EXPECT_EQ(refused([](BlockEntry& e) { e.owner.branch = 1; }), Code::kCorrupt);
  EXPECT_EQ(refused([](BlockEntry& e) { e.owner.generation = Generation(1); }), Code::kCorrupt);
  EXPECT_EQ(refused([](BlockEntry& e) { e.stats.first_offset++; }), Code::kCorrupt);
  EXPECT_EQ(refused([](BlockEntry& e) { e.stats.last_offset++; }), Code::kCorrupt);
  EXPECT_EQ(refused([](BlockEntry& e) { e.place.plain_bytes--; }), Code::kCorrupt);
  EXPECT_EQ(refused([](BlockEntry& e) { e.place.plain_bytes = UINT64_MAX; }), Code::kCorrupt);
  EXPECT_EQ(refused([](BlockEntry& e) { e.place.frames = UINT32_MAX; }), Code::kCorrupt);
  EXPECT_EQ(refused([](BlockEntry& e) { e.place.frames--; }), Code::kCorrupt);
  EXPECT_EQ(refused([](BlockEntry& e) { e.place.first_frame++; }), Code::kCorrupt);
  EXPECT_EQ(refused([](BlockEntry& e) { e.place.pack_offset++; }), Code::kCorrupt);
  EXPECT_EQ(refused([](BlockEntry& e) { e.place.pack_offset = UINT64_MAX; }), Code::kCorrupt);
  EXPECT_EQ(refused([](BlockEntry& e) { e.place.stored_bytes++; }), Code::kCorrupt);
  EXPECT_EQ(refused([](BlockEntry& e) { e.place.stored_bytes = UINT64_MAX; }), Code::kCorrupt);
  EXPECT_EQ(refused([](BlockEntry& e) { e.place.frame_checks = {1}; }), Code::kCorrupt);
  EXPECT_EQ(refused([](BlockEntry& e) { e.place.frame_checks = {1, 2}; }), Code::kCorrupt);
}

TEST_P(PackDamageTest, ReferencesThatLieAreNoticed) {
  SealedPack pack = WritePack(store_, SomeBlocks());
  auto refused = [&](auto change) {
    format::PackRef ref = pack.ref;
    change(ref);
    BlockEntry e = pack.blocks[0];
    e.place.stored_bytes = 100 * kMiB;
    Bytes out;
    Code block = ReadBlock(store_, ref, e, &out, {}).code();
    EXPECT_TRUE(block == Code::kCorrupt || block == Code::kUnsupported);
    return ReadPackIndex(store_, ref, {}).status().code();
  };
  EXPECT_EQ(refused([](format::PackRef&) {}), Code::kOk);
  EXPECT_EQ(refused([](format::PackRef& r) { r.set_id("short"); }), Code::kCorrupt);
  EXPECT_EQ(refused([](format::PackRef& r) { r.set_length(r.length() - 1); }), Code::kCorrupt);
  EXPECT_EQ(refused([](format::PackRef& r) { r.set_length(UINT64_MAX); }), Code::kCorrupt);
  EXPECT_EQ(refused([](format::PackRef& r) {
              r.set_index_offset(uint64_t{1} << 40);
              r.set_length((uint64_t{1} << 40) + 100 * kMiB);
            }),
            Code::kCorrupt);
  EXPECT_EQ(refused([](format::PackRef& r) { r.set_index_offset(0); }), Code::kCorrupt);
  EXPECT_EQ(refused([](format::PackRef& r) { r.set_index_offset(r.index_offset() + 1); }),
            Code::kCorrupt);
  EXPECT_EQ(refused([](format::PackRef& r) { r.set_index_sha256(std::string(32, 'x')); }),
            Code::kCorrupt);
  EXPECT_EQ(refused([](format::PackRef& r) { r.set_key_id(1); }),
            GetParam() ? Code::kCorrupt : Code::kUnsupported);
}

TEST_P(PackDamageTest, AnIndexThatContradictsItselfIsRefused) {
  SealedPack pack = WritePack(store_, SomeBlocks());
  PackId id = *PackIdOf(pack.ref);
  uint64_t at = pack.ref.index_offset();
  uint32_t frames = 0;
  for (const auto& e : pack.blocks) frames += e.place.frames;
  auto checker = PackCheckerOf(PackName(pack.ref), pack.ref, KeysOf(store_));
  ASSERT_TRUE(checker.ok());
  auto code = [&](const std::vector<BlockEntry>& blocks, uint64_t data_bytes, uint32_t n) {
    auto tail = EncodePackTail(id, *checker, data_bytes, n, blocks);
    EXPECT_TRUE(tail.ok());
    return DecodePackTail("x", id, *checker, at, *tail).status().code();
  };
  EXPECT_EQ(code(pack.blocks, at, frames), Code::kOk);
  EXPECT_EQ(code(pack.blocks, at + 1, frames), Code::kCorrupt);
  EXPECT_EQ(code(pack.blocks, at, frames + 1), Code::kCorrupt);
  auto blocks = pack.blocks;
  blocks.pop_back();
  EXPECT_EQ(code(blocks, at, frames), Code::kCorrupt);
  blocks = pack.blocks;
  blocks[1].place = blocks[0].place;
  EXPECT_EQ(code(blocks, at, frames), Code::kCorrupt);
}

TEST_P(PackDamageTest, ScanGoesOnBehindDamage) {
  auto blocks = SomeBlocks();
  SealedPack pack = WritePack(store_, blocks);
  Bytes bytes = Stored(pack);
  const BlockEntry* hurt = Find(pack.blocks, blocks[1]);
  bytes[hurt->place.pack_offset + hurt->place.stored_bytes - 10] ^= 1;
  ASSERT_TRUE(raw_->Overwrite(PackName(pack.ref), bytes));
  size_t sound = 0;
  std::vector<PackDamage> damage;
  ASSERT_TRUE(ScanPack(store_, pack.ref,
                       [&](const BlockEntry&, ByteView) {
                         ++sound;
                         return Status::Ok();
                       },
                       &damage, {})
                  .ok());
  EXPECT_EQ(sound, 3u);
  ASSERT_EQ(damage.size(), 1u);
  EXPECT_EQ(damage[0].owner, blocks[1].owner);
  EXPECT_EQ(damage[0].first_offset, 7);
  EXPECT_THAT(damage[0].what, HasSubstr(GetParam() ? "not the one in the index" : "CRC32C"));
}

INSTANTIATE_TEST_SUITE_P(PlainAndEncrypted, PackDamageTest, ::testing::Bool());

}  // namespace
}  // namespace maxbrod::repo
