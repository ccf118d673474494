#include "codec/crc32c.h"

#include <gtest/gtest.h>

#include <random>

namespace maxbrod {
namespace {

// One seed per process, printed so that a failure can be repeated.
uint64_t Seed() {
  static const uint64_t seed = [] {
    uint64_t s = std::random_device{}();
    std::printf("crc32c_test seed %llu\n", static_cast<unsigned long long>(s));
    return s;
  }();
  return seed;
}

Bytes RandomOf(std::mt19937_64& rng, size_t size) {
  Bytes bytes(size);
  for (uint8_t& b : bytes) b = static_cast<uint8_t>(rng());
  return bytes;
}

// Bit by bit, straight from the definition.
uint32_t Reference(ByteView data) {
  uint32_t crc = 0xffffffff;
  for (uint8_t b : data) {
    crc ^= b;
    for (int i = 0; i < 8; ++i) crc = (crc & 1) ? (crc >> 1) ^ 0x82f63b78 : crc >> 1;
  }
  return ~crc;
}

ByteView Tail(const Bytes& bytes, size_t from) {
  return ByteView(bytes).subspan(from);
}
ByteView Head(const Bytes& bytes, size_t n) {
  return ByteView(bytes).first(n);
}

TEST(Crc32c, VectorsOfRfc3720) {
  Bytes buf(32, 0);
  EXPECT_EQ(Crc32c(buf), 0x8a9136aau);
  buf.assign(32, 0xff);
  EXPECT_EQ(Crc32c(buf), 0x62a8ab43u);
  for (size_t i = 0; i < 32; ++i) buf[i] = static_cast<uint8_t>(i);
  EXPECT_EQ(Crc32c(buf), 0x46dd794eu);
  for (size_t i = 0; i < 32; ++i) buf[i] = static_cast<uint8_t>(31 - i);
  EXPECT_EQ(Crc32c(buf), 0x113fdb5cu);
  const Bytes scsi = {0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                      0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00,
                      0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18, 0x28, 0x00, 0x00, 0x00,
                      0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};
  EXPECT_EQ(Crc32c(scsi), 0xd9963a56u);
  EXPECT_EQ(Crc32c(AsBytes("123456789")), 0xe3069283u);
  EXPECT_EQ(Crc32c({}), 0u);
}

TEST(Crc32c, EachImplementationAtEachLengthAndAlignment) {
  std::mt19937_64 rng(Seed());
  Bytes data = RandomOf(rng, 3 * 2048 * 2 + 3 * 128 + 64);
  std::vector<size_t> sizes;
  for (size_t n = 0; n <= 1200; ++n) sizes.push_back(n);
  for (size_t n : {3u * 2048 - 1, 3u * 2048, 3u * 2048 + 1, 2u * 3 * 2048 + 3 * 128 + 13}) {
    sizes.push_back(n);
  }
  for (size_t n : sizes) {
    ByteView view = Tail(data, n % 9).first(n);
    uint32_t expected = Reference(view);
    ASSERT_EQ(internal::Crc32cExtendPortable(0, view), expected) << n;
    if (internal::Crc32cHasHardware()) {
      ASSERT_EQ(internal::Crc32cExtendHardware(0, view), expected) << n;
    }
  }
}

TEST(Crc32c, CombineAndExtendAgreeWithOnePass) {
  std::mt19937_64 rng(Seed());
  for (int round = 0; round < 300; ++round) {
    Bytes all = RandomOf(rng, rng() % 20000);
    size_t cut = all.empty() ? 0 : rng() % (all.size() + 1);
    uint32_t a = Crc32c(Head(all, cut));
    uint32_t b = Crc32c(Tail(all, cut));
    uint32_t whole = Reference(all);
    ASSERT_EQ(Crc32cExtend(a, Tail(all, cut)), whole);
    ASSERT_EQ(Crc32cCombine(a, b, all.size() - cut), whole);
  }
}

TEST(Crc32c, ReplaceEqualsRecomputing) {
  std::mt19937_64 rng(Seed());
  for (int round = 0; round < 300; ++round) {
    Bytes message = RandomOf(rng, 1 + rng() % 5000);
    size_t prefix = rng() % (message.size() + 1);
    uint32_t old_total = Crc32c(message);
    uint32_t old_prefix = Crc32c(Head(message, prefix));
    for (size_t i = 0; i < prefix; ++i) message[i] = static_cast<uint8_t>(rng());
    uint32_t new_prefix = Crc32c(Head(message, prefix));
    ASSERT_EQ(Crc32cReplace(old_total, old_prefix, new_prefix, message.size() - prefix),
              Reference(message));
  }
}

TEST(Crc32c, ShiftIsALinearActionOfLengths) {
  std::mt19937_64 rng(Seed());
  for (int round = 0; round < 2000; ++round) {
    uint32_t crc = static_cast<uint32_t>(rng());
    uint64_t m = rng() >> (rng() % 64), n = rng() >> (1 + rng() % 63);
    m >>= 1;  // so that the sum does not wrap
    ASSERT_EQ(Crc32cShift(Crc32cShift(crc, m), n), Crc32cShift(crc, m + n)) << m << " " << n;
    ASSERT_EQ(internal::Crc32cShiftPortable(crc, m), Crc32cShift(crc, m));
  }
  EXPECT_EQ(Crc32cShift(0x12345678, 0), 0x12345678u);
  EXPECT_EQ(Crc32cShift(0, 12345), 0u);
  // A shift over n bytes is what n zero bytes do to the difference of two checksums.
  Bytes zeros(777, 0);
  uint32_t a = 0xdeadbeef, b = 0x01020304;
  EXPECT_EQ(Crc32cExtend(a, zeros) ^ Crc32cExtend(b, zeros), Crc32cShift(a ^ b, zeros.size()));
}

}  // namespace
}  // namespace maxbrod
