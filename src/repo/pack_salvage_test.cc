#include <gtest/gtest.h>

#include "repo/pack_format.h"
#include "repo/pack_testing.h"

namespace maxbrod::repo {
namespace {

class PackReferenceTest : public PackTest {};

TEST_P(PackReferenceTest, ALostReferenceIsMadeAgain) {
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

TEST_P(SalvageTest, FindsAllBlocksWithoutTheIndex) {
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

TEST_P(SalvageTest, OfATruncatedPackTheBlocksBeforeTheEndSurvive) {
  SealedPack pack = WritePack(store_, blocks_);
  Bytes bytes = Stored(pack);
  bytes.resize(Find(pack.blocks, blocks_[2])->place.pack_offset + 30);
  ASSERT_TRUE(raw_->Overwrite(PackName(pack.ref), bytes));
  std::vector<PackDamage> damage;
  EXPECT_EQ(Offsets(Salvage(pack, &damage)), (std::vector<int64_t>{0, 10}));
  EXPECT_FALSE(damage.empty());
}

TEST_P(SalvageTest, ADamagedPayloadCostsItsBlockOnly) {
  SealedPack pack = WritePack(store_, blocks_);
  Bytes bytes = Stored(pack);
  bytes[Find(pack.blocks, blocks_[1])->place.pack_offset + 1000] ^= 0x40;
  ASSERT_TRUE(raw_->Overwrite(PackName(pack.ref), bytes));
  std::vector<PackDamage> damage;
  EXPECT_EQ(Offsets(Salvage(pack, &damage)), (std::vector<int64_t>{0, 20, 40}));
  ASSERT_EQ(damage.size(), 1u);
  EXPECT_EQ(damage[0].owner, blocks_[1].owner);
  EXPECT_EQ(damage[0].first_offset, 10);
}

TEST_P(SalvageTest, ADamagedFrameHeaderCostsItsBlockOnly) {
  SealedPack pack = WritePack(store_, blocks_);
  Bytes bytes = Stored(pack);
  uint64_t at = Find(pack.blocks, blocks_[1])->place.pack_offset;
  std::fill_n(bytes.begin() + static_cast<ptrdiff_t>(at), 200, uint8_t{0xee});
  ASSERT_TRUE(raw_->Overwrite(PackName(pack.ref), bytes));
  std::vector<PackDamage> damage;
  EXPECT_EQ(Offsets(Salvage(pack, &damage)), (std::vector<int64_t>{0, 20, 40}));
  EXPECT_FALSE(damage.empty());
}

TEST_P(SalvageTest, EveryFlippedByteCostsOneBlockAtMost) {
  std::vector<TestBlock> blocks = SomeBlocks();
  SealedPack pack = WritePack(store_, blocks);
  Bytes good = Stored(pack);
  for (size_t i = kObjectHeaderBytes; i < pack.ref.index_offset(); ++i) {
    Bytes bad = good;
    bad[i] ^= 0x55;
    ASSERT_TRUE(raw_->Overwrite(PackName(pack.ref), std::move(bad)));
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

INSTANTIATE_TEST_SUITE_P(PlainAndEncrypted, PackReferenceTest, ::testing::Bool());
INSTANTIATE_TEST_SUITE_P(PlainAndEncrypted, SalvageTest, ::testing::Bool());

}  // namespace
}  // namespace maxbrod::repo
