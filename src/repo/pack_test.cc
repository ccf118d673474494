#include <gtest/gtest.h>

#include <random>

#include "codec/hash.h"
#include "repo/pack_testing.h"
#include "store/fault_store.h"

namespace maxbrod::repo {
namespace {

TEST_P(PackTest, BlocksComeBack) {
  auto blocks = SomeBlocks();
  ExpectRoundTrip(WritePack(store_, blocks), blocks);
}

// What is true of plain packs only.
class PlainPackTest : public PackTest {};

TEST_P(PlainPackTest, BothWaysOfSummingUpGiveTheSameBytes) {
  auto blocks = SomeBlocks();
  blocks.push_back(MakeBlock("big", 0, 0, {700 * kKiB, 200 * kKiB, 100 * kKiB}));
  PackOptions options;
  options.salt = TestSalt(1);
  SealedPack verified = WritePack(store_, blocks, options, BatchChecks::kVerified);
  store::MemStore other;
  SealedPack unknown = WritePack(other, blocks, options, BatchChecks::kUnknown);
  EXPECT_EQ(*other.Get(PackName(unknown.ref), kGiB, {}), Stored(verified));
}

TEST_P(PlainPackTest, FramesEndOnBatchBorders) {
  TestBlock block = MakeBlock("big", 0, 0, {600 * kKiB, 600 * kKiB, 600 * kKiB, 100});
  SealedPack pack = WritePack(store_, {block});
  EXPECT_EQ(pack.blocks.at(0).place.frames, 4u);
  ExpectRoundTrip(pack, {block});
  SealedPack raw = WritePack(store_, {block}, {}, BatchChecks::kUnknown);
  EXPECT_EQ(raw.blocks.at(0).place.frames, 3u);
  ExpectRoundTrip(raw, {block});
}

TEST_P(PackTest, ABatchLargerThanAFrame) {
  TestBlock block = MakeBlock("big", 0, 0, {100, 3 * kMiB, 100});
  ExpectRoundTrip(WritePack(store_, {block}), {block});
  ExpectRoundTrip(WritePack(store_, {block}, {}, BatchChecks::kUnknown), {block});
}

TEST_P(PackTest, PiecesMayBeCutAnywhere) {
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

TEST_P(PackTest, OldMessageFormatsAreTakenAsTheyAre) {
  TestBlock block = MakeBlock("old", 0, 0, {100});
  block.batches[16] = 1;  // magic
  ExpectRoundTrip(WritePack(store_, {block}, {}, BatchChecks::kVerified), {block});
}

TEST_P(PackTest, ZstdWhereItPays) {
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

TEST_P(PackTest, NamesAndReference) {
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

TEST_P(PackTest, NothingIsStoredWithoutSeal) {
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

TEST_P(PackTest, NonsenseBlocksAreRefusedAndDoNotBreakThePack) {
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

TEST_P(PackTest, ThousandsOfTinyBlocks) {
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

TEST_P(PackTest, OneBlockInManyRunsOfTheIndex) {
  std::vector<TestBlock> blocks;
  for (int32_t i = 0; i < 20000; ++i) blocks.push_back(MakeBlock("one", 0, 10 * i, {1}));
  SealedPack pack = WritePack(store_, blocks);
  auto index = ReadPackIndex(store_, pack.ref, {});
  ASSERT_TRUE(index.ok());
  EXPECT_EQ(*index, pack.blocks);
}

class PackFaultTest : public PackTest {
 protected:
  Result<SealedPack> Write() {
    auto writer = PackWriter::Create(faults_, {}, {});
    if (!writer.ok()) return writer.status();
    for (const TestBlock& b : SomeBlocks()) {
      ByteView piece = b.batches;
      MB_RETURN_IF_ERROR((*writer)->AddBlock(b.owner, b.stats, {&piece, 1}));
    }
    return (*writer)->Seal({});
  }
  std::shared_ptr<store::MemStore> inner_ = std::make_shared<store::MemStore>();
  store::FaultStore faults_{inner_};
};

TEST_P(PackFaultTest, ALostReplyIsSettledByReadingBack) {
  faults_.On(store::StoreMethod::kCommit).ErrorAfter();
  auto pack = Write();
  ASSERT_TRUE(pack.ok()) << pack.status().ToString();
  EXPECT_TRUE(ReadPackIndex(*inner_, pack->ref, {}).ok());
  EXPECT_TRUE(faults_.AllFired()) << faults_.Unfired();
}

TEST_P(PackFaultTest, APackThatDidNotArriveIsToBeWrittenAgain) {
  faults_.On(store::StoreMethod::kCommit).UnknownInstead();
  Status status = Write().status();
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_TRUE(status.retryable());
  EXPECT_TRUE(faults_.AllFired()) << faults_.Unfired();
}

TEST_P(PackFaultTest, AFailedAppendBreaksTheWriter) {
  faults_.On(store::StoreMethod::kAppend)
      .Skip(2)
      .ErrorInstead(Status(Code::kOutOfSpace, "disk full"));
  auto writer = PackWriter::Create(faults_, {}, {});
  ASSERT_TRUE(writer.ok());
  TestBlock b = MakeBlock("orders", 0, 0, {10});
  ByteView piece = b.batches;
  EXPECT_TRUE((*writer)->AddBlock(b.owner, b.stats, {&piece, 1}).ok());
  EXPECT_EQ((*writer)->AddBlock(b.owner, b.stats, {&piece, 1}).code(), Code::kOutOfSpace);
  EXPECT_EQ((*writer)->AddBlock(b.owner, b.stats, {&piece, 1}).code(), Code::kOutOfSpace);
  EXPECT_EQ((*writer)->Seal({}).status().code(), Code::kOutOfSpace);
  writer->reset();
  EXPECT_TRUE(inner_->List("", "", 10, {})->objects.empty());
}

TEST_P(PackFaultTest, DamageOnTheWayIsNoticedByTheReader) {
  auto pack = Write();
  ASSERT_TRUE(pack.ok());
  for (uint64_t bit = 0; bit < 4000; bit += 37) {
    faults_.On(store::StoreMethod::kGetRange).FlipBit(bit);
    Bytes out;
    EXPECT_EQ(ReadBlock(faults_, pack->ref, pack->blocks[0], &out, {}).code(), Code::kCorrupt)
        << bit;
  }
  EXPECT_TRUE(faults_.AllFired()) << faults_.Unfired();
}

TEST_P(PackFaultTest, NeighboursAreReadWithOneRequest) {
  std::vector<TestBlock> blocks;
  for (int i = 0; i < 100; ++i) blocks.push_back(MakeBlock("t", i % 2, i / 2 * 10, {60000}));
  SealedPack pack = WritePack(*inner_, blocks);
  std::vector<const BlockEntry*> all, every_other;
  for (const BlockEntry& e : pack.blocks) {
    all.push_back(&e);
    if (e.owner.partition == 0) every_other.push_back(&e);
  }
  auto requests = [&](const std::vector<const BlockEntry*>& entries) {
    store::FaultStore counting(inner_);
    int calls = 0;
    counting.On(store::StoreMethod::kGetRange).Before([&] { ++calls; }).Repeat(1000);
    size_t seen = 0;
    auto block = [&](const BlockEntry&, ByteView) {
      ++seen;
      return Status::Ok();
    };
    EXPECT_TRUE(ReadBlocks(counting, pack.ref, entries, block, {}).ok());
    EXPECT_EQ(seen, entries.size());
    return calls;
  };
  EXPECT_EQ(requests(all), 1) << "6 MB in one piece";
  EXPECT_EQ(requests(every_other), 1) << "gaps of 60 kB";
  EXPECT_EQ(requests({all.front(), all[49]}), 2) << "a gap of several MB";
  EXPECT_EQ(requests({}), 0);
}

INSTANTIATE_TEST_SUITE_P(PlainAndEncrypted, PackTest, ::testing::Bool());
INSTANTIATE_TEST_SUITE_P(Plain, PlainPackTest, ::testing::Values(false));
INSTANTIATE_TEST_SUITE_P(Plain, PackFaultTest, ::testing::Values(false));

}  // namespace
}  // namespace maxbrod::repo
