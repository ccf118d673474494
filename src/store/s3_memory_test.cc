#include "store/s3_memory.h"

#include <gtest/gtest.h>

namespace maxbrod::store {
namespace {

TEST(S3Memory, IsNeverMoreThanThereIsAboveTheLeast) {
  for (uint64_t mib = 32; mib < 4096; mib += 7) {
    S3Memory memory = ShareS3Memory(mib * kMiB);
    EXPECT_LE(memory.held() + memory.rest, mib * kMiB) << mib;
    EXPECT_GE(memory.parts, 2u);
    EXPECT_LE(memory.part_bytes, 64 * kMiB);
    EXPECT_GE(memory.part_bytes, 8 * kMiB);
    EXPECT_GE(memory.rest, mib * kMiB / 8 * 3) << mib;
  }
}

TEST(S3Memory, TheUsualBudgetHoldsFiveWholeParts) {
  S3Memory memory = ShareS3Memory(512 * kMiB);
  EXPECT_EQ(memory.part_bytes, 64 * kMiB);
  EXPECT_EQ(memory.parts, 5u);
  EXPECT_EQ(memory.rest, 192 * kMiB);
}

TEST(S3Memory, LittleMemoryMakesSmallParts) {
  S3Memory memory = ShareS3Memory(64 * kMiB);
  EXPECT_EQ(memory.part_bytes, 20 * kMiB);
  EXPECT_EQ(memory.parts, 2u);
}

}  // namespace
}  // namespace maxbrod::store
