#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "codec/crc32c.h"
#include "codec/hash.h"
#include "repo/pack_format.h"
#include "repo/pack_testing.h"

namespace maxbrod::repo {
namespace {

using ::testing::HasSubstr;

class PackTest : public ::testing::Test {
 protected:
  Bytes ReadBack(const SealedPack& pack, const BlockEntry& entry) {
    Bytes out;
    Status status = ReadBlock(store_, pack.ref, entry, &out, {});
    EXPECT_TRUE(status.ok()) << status.ToString();
    return out;
  }
  Bytes Stored(const SealedPack& pack) {
    auto bytes = store_.Get(PackName(pack.ref), 1 * kGiB, {});
    EXPECT_TRUE(bytes.ok());
    return *bytes;
  }
  // All blocks come back, from Seal's entries and from the stored index, one by one and coalesced.
  void ExpectRoundTrip(const SealedPack& pack, const std::vector<TestBlock>& blocks) {
    ASSERT_EQ(pack.blocks.size(), blocks.size());
    auto index = ReadPackIndex(store_, pack.ref, {});
    ASSERT_TRUE(index.ok()) << index.status().ToString();
    EXPECT_EQ(*index, pack.blocks);
    for (const TestBlock& b : blocks) {
      const BlockEntry* entry = Find(pack.blocks, b);
      ASSERT_NE(entry, nullptr);
      EXPECT_EQ(entry->stats, b.stats);
      EXPECT_EQ(ReadBack(pack, *entry), b.batches);
      BlockEntry without_checks = *entry;  // as a manifest has it
      without_checks.place.frame_checks.clear();
      EXPECT_EQ(ReadBack(pack, without_checks), b.batches);
    }
    std::vector<const BlockEntry*> all;
    for (const auto& e : pack.blocks) all.push_back(&e);
    size_t calls = 0;
    Status status = ReadBlocks(store_, pack.ref, all,
                               [&](const BlockEntry& e, ByteView batches) {
                                 for (const TestBlock& b : blocks) {
                                   if (b.owner == e.owner && b.stats == e.stats) {
                                     EXPECT_TRUE(std::equal(batches.begin(), batches.end(),
                                                            b.batches.begin(), b.batches.end()));
                                     ++calls;
                                   }
                                 }
                                 return Status::Ok();
                               },
                               {});
    EXPECT_TRUE(status.ok()) << status.ToString();
    EXPECT_EQ(calls, blocks.size());
  }
  static const BlockEntry* Find(const std::vector<BlockEntry>& entries, const TestBlock& b) {
    for (const auto& e : entries) {
      if (e.owner == b.owner && e.stats.first_offset == b.stats.first_offset) return &e;
    }
    return nullptr;
  }

  store::MemStore store_;
};

std::vector<TestBlock> SomeBlocks() {
  return {MakeBlock("orders", 1, 100, {300, 50}), MakeBlock("payments", 0, 7, {10}),
          MakeBlock("orders", 0, 0, {40, 40, 40}), MakeBlock("orders", 1, 120, {60})};
}

TEST_F(PackTest, BlocksComeBack) {
  auto blocks = SomeBlocks();
  ExpectRoundTrip(WritePack(store_, blocks), blocks);
}

TEST_F(PackTest, BothWaysOfSummingUpGiveTheSameBytes) {
  auto blocks = SomeBlocks();
  blocks.push_back(MakeBlock("big", 0, 0, {700 * kKiB, 200 * kKiB, 100 * kKiB}));
  PackOptions options;
  options.salt = TestSalt(1);
  SealedPack verified = WritePack(store_, blocks, options, BatchChecks::kVerified);
  store::MemStore other;
  SealedPack unknown = WritePack(other, blocks, options, BatchChecks::kUnknown);
  EXPECT_EQ(*other.Get(PackName(unknown.ref), kGiB, {}), Stored(verified));
}

TEST_F(PackTest, FramesEndOnBatchBorders) {
  TestBlock block = MakeBlock("big", 0, 0, {600 * kKiB, 600 * kKiB, 600 * kKiB, 100});
  SealedPack pack = WritePack(store_, {block});
  EXPECT_EQ(pack.blocks.at(0).place.frames, 4u);
  ExpectRoundTrip(pack, {block});
  SealedPack raw = WritePack(store_, {block}, {}, BatchChecks::kUnknown);
  EXPECT_EQ(raw.blocks.at(0).place.frames, 3u);
  ExpectRoundTrip(raw, {block});
}

TEST_F(PackTest, ABatchLargerThanAFrame) {
  TestBlock block = MakeBlock("big", 0, 0, {100, 3 * kMiB, 100});
  ExpectRoundTrip(WritePack(store_, {block}), {block});
  ExpectRoundTrip(WritePack(store_, {block}, {}, BatchChecks::kUnknown), {block});
}

TEST_F(PackTest, PiecesMayBeCutAnywhere) {
  TestBlock block = MakeBlock("orders", 0, 0, {1000, 2000, kMiB, 3000});
  for (BatchChecks checks : {BatchChecks::kVerified, BatchChecks::kUnknown}) {
    auto writer = PackWriter::Create(store_, {}, {});
    ASSERT_TRUE(writer.ok());
    std::vector<ByteView> pieces;
    ByteView left = block.batches;
    for (size_t n = 100; !left.empty(); n += 77777) {
      n = std::min(n, left.size());
      pieces.push_back(left.first(n));
      left = left.subspan(n);
    }
    // kVerified asks for pieces that begin with a batch; only the first does here, the others hold
    // filler.
    ASSERT_TRUE((*writer)->AddBlock(block.owner, block.stats, pieces, checks).ok());
    auto sealed = (*writer)->Seal({});
    ASSERT_TRUE(sealed.ok());
    ExpectRoundTrip(*sealed, {block});
  }
}

TEST_F(PackTest, OldMessageFormatsAreTakenAsTheyAre) {
  TestBlock block = MakeBlock("old", 0, 0, {100});
  block.batches[16] = 1;  // magic
  ExpectRoundTrip(WritePack(store_, {block}, {}, BatchChecks::kVerified), {block});
}

TEST_F(PackTest, ZstdWhereItPays) {
  std::mt19937_64 rng(3);
  std::vector<TestBlock> blocks = {MakeBlock("text", 0, 0, {100000, 50, 1500000}),
                                   MakeBlock("noise", 0, 0, {0}), MakeBlock("tiny", 0, 0, {1})};
  Bytes noise(300000);
  for (auto& b : noise) b = static_cast<uint8_t>(rng());
  Append(blocks[1].batches, noise);
  PackOptions options;
  options.zstd_level = 3;
  SealedPack pack = WritePack(store_, blocks, options);
  ExpectRoundTrip(pack, blocks);
  EXPECT_LT(Find(pack.blocks, blocks[0])->place.stored_bytes, 20000u);
  EXPECT_GT(Find(pack.blocks, blocks[1])->place.stored_bytes, noise.size());
}

TEST_F(PackTest, NamesAndReference) {
  PackOptions options;
  options.salt = TestSalt(0xa0);
  SealedPack pack = WritePack(store_, SomeBlocks(), options);
  EXPECT_EQ(PackName(pack.ref), "pack/a0/a0a1a2a3a4a5a6a7a8a9aaabacadaeaf");
  options.small = true;
  EXPECT_EQ(PackName(WritePack(store_, SomeBlocks(), options).ref),
            "l0/a0/a0a1a2a3a4a5a6a7a8a9aaabacadaeaf");
  Bytes stored = Stored(pack);
  EXPECT_EQ(pack.ref.length(), stored.size());
  EXPECT_EQ(pack.ref.blocks(), 4u);
  ByteView tail = ByteView(stored).subspan(pack.ref.index_offset());
  EXPECT_EQ(pack.ref.index_sha256(), AsText(Sha256(tail)));
  uint64_t plain = 0;
  for (const auto& b : SomeBlocks()) plain += b.batches.size();
  EXPECT_EQ(pack.ref.plain_bytes(), plain);
}

TEST_F(PackTest, NothingIsStoredWithoutSeal) {
  {
    auto writer = PackWriter::Create(store_, {}, {});
    ASSERT_TRUE(writer.ok());
    TestBlock b = MakeBlock("orders", 0, 0, {100});
    ByteView piece = b.batches;
    ASSERT_TRUE((*writer)->AddBlock(b.owner, b.stats, {&piece, 1}).ok());
    EXPECT_EQ((*writer)->plain_bytes(), b.batches.size());
  }
  EXPECT_TRUE(store_.List("", "", 10, {})->objects.empty());
}

TEST_F(PackTest, NonsenseBlocksAreRefusedAndDoNotBreakThePack) {
  auto writer = PackWriter::Create(store_, {}, {});
  ASSERT_TRUE(writer.ok());
  EXPECT_EQ((*writer)->Seal({}).status().code(), Code::kInternal) << "no blocks";
  writer = PackWriter::Create(store_, {}, {});
  TestBlock b = MakeBlock("orders", 0, 5, {100});
  ByteView piece = b.batches;
  EXPECT_EQ((*writer)->AddBlock(b.owner, b.stats, {}).code(), Code::kInternal);
  BlockStats stats = b.stats;
  stats.last_offset = 4;
  EXPECT_EQ((*writer)->AddBlock(b.owner, stats, {&piece, 1}).code(), Code::kInternal);
  stats = b.stats;
  stats.aborted.resize(kBlockAbortedMax + 1);
  EXPECT_EQ((*writer)->AddBlock(b.owner, stats, {&piece, 1}).code(), Code::kInternal);
  EXPECT_TRUE((*writer)->AddBlock(b.owner, b.stats, {&piece, 1}).ok());
  EXPECT_TRUE((*writer)->Seal({}).ok());
  EXPECT_FALSE((*writer)->Seal({}).ok());
  EXPECT_FALSE((*writer)->AddBlock(b.owner, b.stats, {&piece, 1}).ok());
}

TEST_F(PackTest, ThousandsOfTinyBlocks) {
  std::vector<TestBlock> blocks;
  for (int32_t i = 0; i < 20000; ++i) {
    blocks.push_back(MakeBlock("topic-" + std::to_string(i % 50), i % 7, 10 * (i / 350), {1}));
  }
  SealedPack pack = WritePack(store_, blocks);
  auto index = ReadPackIndex(store_, pack.ref, {});
  ASSERT_TRUE(index.ok());
  EXPECT_EQ(*index, pack.blocks);
  EXPECT_TRUE(std::is_sorted(index->begin(), index->end(), [](const auto& a, const auto& b) {
    return std::tie(a.owner, a.stats.first_offset) < std::tie(b.owner, b.stats.first_offset);
  }));
  uint64_t tail = pack.ref.length() - pack.ref.index_offset();
  EXPECT_LT(tail, 20000u * 40) << "bytes of index per tiny block";
  size_t seen = 0;
  std::vector<PackDamage> damage;
  ASSERT_TRUE(ScanPack(store_, pack.ref,
                       [&](const BlockEntry&, ByteView) {
                         ++seen;
                         return Status::Ok();
                       },
                       &damage, {})
                  .ok());
  EXPECT_EQ(seen, blocks.size());
  EXPECT_TRUE(damage.empty());
}

TEST_F(PackTest, OneBlockInManyRunsOfTheIndex) {
  std::vector<TestBlock> blocks;
  for (int32_t i = 0; i < 20000; ++i) blocks.push_back(MakeBlock("one", 0, 10 * i, {1}));
  SealedPack pack = WritePack(store_, blocks);
  auto index = ReadPackIndex(store_, pack.ref, {});
  ASSERT_TRUE(index.ok());
  EXPECT_EQ(*index, pack.blocks);
}

// ---- Damage
// ---------------------------------------------------------------------------------------

// Whether a whole reading (index and all blocks) notices; `silent` counts blocks that came back
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

TEST_F(PackTest, EveryFlippedBitIsNoticed) {
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
        ASSERT_TRUE(store_.Overwrite(PackName(pack.ref), std::move(bad)));
        ASSERT_TRUE(Noticed(store_, pack.ref, blocks)) << "byte " << i << " bit " << bit;
      }
    }
  }
}

TEST_F(PackTest, EveryTruncationIsNoticed) {
  auto blocks = SomeBlocks();
  SealedPack pack = WritePack(store_, blocks);
  Bytes good = Stored(pack);
  for (size_t n = 0; n < good.size(); ++n) {
    ASSERT_TRUE(store_.Overwrite(PackName(pack.ref),
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
  ASSERT_TRUE(store_.Overwrite(PackName(pack.ref), longer));
  EXPECT_TRUE(Noticed(store_, pack.ref, blocks));
}

TEST_F(PackTest, SwappedBlocksAreNoticed) {
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
  ASSERT_TRUE(store_.Overwrite(PackName(pack.ref), bytes));
  for (BlockEntry e : pack.blocks) {
    Bytes out;
    EXPECT_EQ(ReadBlock(store_, pack.ref, e, &out, {}).code(), Code::kCorrupt);
    e.place.frame_checks.clear();
    EXPECT_EQ(ReadBlock(store_, pack.ref, e, &out, {}).code(), Code::kCorrupt);
  }
}

TEST_F(PackTest, ABlockOfAnotherPackIsNoticed) {
  std::vector<TestBlock> blocks = {MakeBlock("orders", 0, 0, {100}, 'a')};
  SealedPack pack = WritePack(store_, blocks);
  SealedPack other = WritePack(store_, {MakeBlock("orders", 0, 0, {100}, 'b')});
  Bytes bytes = Stored(pack), foreign = Stored(other);
  auto end = static_cast<ptrdiff_t>(pack.ref.index_offset());
  std::copy(foreign.begin() + 80, foreign.begin() + end, bytes.begin() + 80);
  ASSERT_TRUE(store_.Overwrite(PackName(pack.ref), bytes));
  BlockEntry entry = pack.blocks[0];
  entry.place.frame_checks.clear();
  Bytes out;
  EXPECT_EQ(ReadBlock(store_, pack.ref, entry, &out, {}).code(), Code::kCorrupt);
  // The whole other pack under this name, too.
  ASSERT_TRUE(store_.Overwrite(PackName(pack.ref), foreign));
  EXPECT_EQ(ReadBlock(store_, pack.ref, entry, &out, {}).code(), Code::kCorrupt);
  EXPECT_EQ(ReadPackIndex(store_, pack.ref, {}).status().code(), Code::kCorrupt);
}

TEST_F(PackTest, EntriesThatLieAreNoticed) {
  auto blocks = SomeBlocks();
  SealedPack pack = WritePack(store_, blocks);
  auto refused = [&](auto change) {
    BlockEntry e = pack.blocks[1];
    e.place.frame_checks.clear();
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

TEST_F(PackTest, ReferencesThatLieAreNoticed) {
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
  EXPECT_EQ(refused([](format::PackRef& r) { r.set_key_id(1); }), Code::kUnsupported);
}

TEST_F(PackTest, AnIndexThatContradictsItselfIsRefused) {
  SealedPack pack = WritePack(store_, SomeBlocks());
  PackId id = *PackIdOf(pack.ref);
  uint64_t at = pack.ref.index_offset();
  uint32_t frames = 0;
  for (const auto& e : pack.blocks) frames += e.place.frames;
  auto code = [&](const std::vector<BlockEntry>& blocks, uint64_t data_bytes, uint32_t n) {
    auto tail = EncodePackTail(id, data_bytes, n, blocks);
    EXPECT_TRUE(tail.ok());
    return DecodePackTail("x", id, at, *tail).status().code();
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

TEST_F(PackTest, ScanGoesOnBehindDamage) {
  auto blocks = SomeBlocks();
  SealedPack pack = WritePack(store_, blocks);
  Bytes bytes = Stored(pack);
  const BlockEntry* hurt = Find(pack.blocks, blocks[1]);
  bytes[hurt->place.pack_offset + hurt->place.stored_bytes - 10] ^= 1;
  ASSERT_TRUE(store_.Overwrite(PackName(pack.ref), bytes));
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
  EXPECT_THAT(damage[0].what, HasSubstr("CRC32C"));
}

// ---- Repair
// ---------------------------------------------------------------------------------------

TEST_F(PackTest, ALostReferenceIsMadeAgain) {
  SealedPack pack = WritePack(store_, SomeBlocks());
  auto ref = RecoverPackRef(store_, *PackIdOf(pack.ref), false, {});
  ASSERT_TRUE(ref.ok());
  EXPECT_EQ(ref->SerializeAsString(), pack.ref.SerializeAsString());
}

class SalvageTest : public PackTest {
 protected:
  std::vector<TestBlock> Salvage(const SealedPack& pack, std::vector<PackDamage>* damage) {
    std::vector<TestBlock> got;
    Status status =
        SalvagePack(store_, *PackIdOf(pack.ref), false,
                    [&](const BlockEntry& e, ByteView batches) {
                      got.push_back({e.owner, e.stats, Bytes(batches.begin(), batches.end())});
                      // What a salvaged entry says of its place must do to read it again.
                      EXPECT_EQ(ReadBack(pack, e), got.back().batches);
                      return Status::Ok();
                    },
                    damage, {});
    EXPECT_TRUE(status.ok()) << status.ToString();
    return got;
  }
  std::vector<int64_t> Offsets(const std::vector<TestBlock>& blocks) {
    std::vector<int64_t> out;
    for (const auto& b : blocks) out.push_back(b.stats.first_offset);
    return out;
  }
  // Blocks of different sizes, the middle one of several frames.
  std::vector<TestBlock> blocks_ = {MakeBlock("a", 0, 0, {100}),
                                    MakeBlock("a", 0, 10, {900000, 900000, 100}),
                                    MakeBlock("b", 3, 20, {5, 6}), MakeBlock("c", 0, 40, {7})};
};

TEST_F(SalvageTest, FindsAllBlocksWithoutTheIndex) {
  SealedPack pack = WritePack(store_, blocks_);
  std::vector<PackDamage> damage;
  auto got = Salvage(pack, &damage);
  EXPECT_TRUE(damage.empty());
  ASSERT_EQ(got.size(), blocks_.size());
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].owner, blocks_[i].owner);
    EXPECT_EQ(got[i].batches, blocks_[i].batches);
  }
}

TEST_F(SalvageTest, OfATruncatedPackTheBlocksBeforeTheEndSurvive) {
  SealedPack pack = WritePack(store_, blocks_);
  Bytes bytes = Stored(pack);
  bytes.resize(Find(pack.blocks, blocks_[2])->place.pack_offset + 30);
  ASSERT_TRUE(store_.Overwrite(PackName(pack.ref), bytes));
  std::vector<PackDamage> damage;
  EXPECT_EQ(Offsets(Salvage(pack, &damage)), (std::vector<int64_t>{0, 10}));
  EXPECT_FALSE(damage.empty());
}

TEST_F(SalvageTest, ADamagedPayloadCostsItsBlockOnly) {
  SealedPack pack = WritePack(store_, blocks_);
  Bytes bytes = Stored(pack);
  bytes[Find(pack.blocks, blocks_[1])->place.pack_offset + 1000] ^= 0x40;
  ASSERT_TRUE(store_.Overwrite(PackName(pack.ref), bytes));
  std::vector<PackDamage> damage;
  EXPECT_EQ(Offsets(Salvage(pack, &damage)), (std::vector<int64_t>{0, 20, 40}));
  ASSERT_EQ(damage.size(), 1u);
  EXPECT_EQ(damage[0].owner, blocks_[1].owner);
  EXPECT_EQ(damage[0].first_offset, 10);
}

TEST_F(SalvageTest, ADamagedFrameHeaderCostsItsBlockOnly) {
  SealedPack pack = WritePack(store_, blocks_);
  Bytes bytes = Stored(pack);
  uint64_t at = Find(pack.blocks, blocks_[1])->place.pack_offset;
  std::fill_n(bytes.begin() + static_cast<ptrdiff_t>(at), 200, uint8_t{0xee});
  ASSERT_TRUE(store_.Overwrite(PackName(pack.ref), bytes));
  std::vector<PackDamage> damage;
  EXPECT_EQ(Offsets(Salvage(pack, &damage)), (std::vector<int64_t>{0, 20, 40}));
  EXPECT_FALSE(damage.empty());
}

TEST_F(SalvageTest, EveryFlippedByteCostsOneBlockAtMost) {
  std::vector<TestBlock> blocks = SomeBlocks();
  SealedPack pack = WritePack(store_, blocks);
  Bytes good = Stored(pack);
  for (size_t i = kObjectHeaderBytes; i < pack.ref.index_offset(); ++i) {
    Bytes bad = good;
    bad[i] ^= 0x55;
    ASSERT_TRUE(store_.Overwrite(PackName(pack.ref), std::move(bad)));
    std::vector<PackDamage> damage;
    auto got = Salvage(pack, &damage);
    EXPECT_EQ(got.size(), blocks.size() - 1) << i;
    EXPECT_FALSE(damage.empty()) << i;
    for (const auto& g : got) {
      bool known = false;
      for (const auto& b : blocks) known = known || g.batches == b.batches;
      EXPECT_TRUE(known) << i;
    }
  }
}

}  // namespace
}  // namespace maxbrod::repo
