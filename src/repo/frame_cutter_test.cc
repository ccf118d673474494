#include "repo/frame_cutter.h"

#include <gtest/gtest.h>

#include <random>

#include "codec/crc32c.h"
#include "repo/object.h"
#include "repo/pack_testing.h"

namespace maxbrod::repo {
namespace {

// Frames hold the pieces in order, none is too long, and their sums are right.
void ExpectSound(const std::vector<CutFrame>& frames, ByteView want, bool sums) {
  Bytes all;
  for (const CutFrame& frame : frames) {
    Bytes plain;
    for (ByteView slice : frame.slices) Append(plain, slice);
    ASSERT_EQ(plain.size(), frame.plain_bytes);
    ASSERT_GT(plain.size(), 0u);
    ASSERT_LE(plain.size(), kFramePlainBytesMax);
    if (sums) {
      ASSERT_EQ(frame.crc, Crc32c(plain));
    }
    Append(all, plain);
  }
  ASSERT_TRUE(std::equal(all.begin(), all.end(), want.begin(), want.end()));
}

TEST(FrameCutter, RandomBatchesInRandomPieces) {
  uint64_t seed = std::random_device{}();
  std::printf("frame_cutter_test seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 rng(seed);
  for (int round = 0; round < 60; ++round) {
    std::vector<Bytes> pieces(1 + rng() % 4);
    Bytes all;
    int64_t offset = 0;
    for (Bytes& piece : pieces) {
      for (size_t n = rng() % 40; n > 0; --n) {
        size_t size = rng() % 3 == 0 ? rng() % 300000 : rng() % 3000;
        if (rng() % 50 == 0) size = kMiB + rng() % kMiB;
        Append(piece, TestBatch(offset, 10, size, static_cast<uint8_t>(rng())));
        offset += 10;
      }
      Append(all, piece);
    }
    std::vector<ByteView> views(pieces.begin(), pieces.end());
    ExpectSound(CutFrames(views, CutSums::kBatches), all, true);
    ExpectSound(CutFrames(views, CutSums::kBytes), all, true);
    ExpectSound(CutFrames(views, CutSums::kNone), all, false);
  }
}

TEST(FrameCutter, SmallBatchesFillAFrameUpToABorder) {
  Bytes batches;
  Bytes batch = TestBatch(0, 10, 1000);
  while (batches.size() < 3 * kMiB) Append(batches, batch);
  ByteView piece = batches;
  std::vector<CutFrame> frames = CutFrames({&piece, 1}, CutSums::kBatches);
  ExpectSound(frames, batches, true);
  for (size_t i = 0; i < frames.size(); ++i) {
    EXPECT_EQ(frames[i].plain_bytes % batch.size(), 0u);
    EXPECT_EQ(frames[i].slices.size(), 1u) << "neighbours are one slice";
    if (i + 1 < frames.size()) {
      EXPECT_GT(frames[i].plain_bytes, kFramePlainBytesMax - batch.size());
    }
  }
}

TEST(FrameCutter, LengthsThatLieAreTakenForBytes) {
  Bytes batch = TestBatch(0, 10, 5000);
  for (uint32_t length : {0u, 48u, 5050u, 0x7fffffffu, 0xffffffffu}) {
    StoreBig<uint32_t>(batch.data() + 8, length);
    ByteView piece = batch;
    ExpectSound(CutFrames({&piece, 1}, CutSums::kBatches), batch, true);
  }
}

TEST(FrameCutter, NothingGivesNothing) {
  EXPECT_TRUE(CutFrames({}, CutSums::kBytes).empty());
  ByteView empty;
  EXPECT_TRUE(CutFrames({&empty, 1}, CutSums::kBatches).empty());
}

}  // namespace
}  // namespace maxbrod::repo
