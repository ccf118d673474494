#include "codec/varint.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace maxbrod {
namespace {

constexpr int32_t kMin32 = std::numeric_limits<int32_t>::min();
constexpr int32_t kMax32 = std::numeric_limits<int32_t>::max();
constexpr int64_t kMin64 = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax64 = std::numeric_limits<int64_t>::max();

Bytes Unsigned(uint32_t v) {
  Bytes out;
  AppendUnsignedVarint(out, v);
  EXPECT_EQ(out.size(), SizeOfUnsignedVarint(v));
  return out;
}
Bytes UnsignedLong(uint64_t v) {
  Bytes out;
  AppendUnsignedVarlong(out, v);
  EXPECT_EQ(out.size(), SizeOfUnsignedVarlong(v));
  return out;
}
Bytes Signed(int32_t v) {
  Bytes out;
  AppendVarint(out, v);
  EXPECT_EQ(out.size(), SizeOfVarint(v));
  return out;
}
Bytes SignedLong(int64_t v) {
  Bytes out;
  AppendVarlong(out, v);
  EXPECT_EQ(out.size(), SizeOfVarlong(v));
  return out;
}

// The vectors of Kafka's own documentation of its encoding and of Protocol Buffers'.
TEST(Varint, KnownEncodings) {
  EXPECT_EQ(Unsigned(0), (Bytes{0}));
  EXPECT_EQ(Unsigned(127), (Bytes{0x7f}));
  EXPECT_EQ(Unsigned(128), (Bytes{0x80, 0x01}));
  EXPECT_EQ(Unsigned(300), (Bytes{0xac, 0x02}));
  EXPECT_EQ(Unsigned(0xffffffff), (Bytes{0xff, 0xff, 0xff, 0xff, 0x0f}));
  EXPECT_EQ(UnsignedLong(~uint64_t{0}),
            (Bytes{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}));
  EXPECT_EQ(Signed(0), (Bytes{0}));
  EXPECT_EQ(Signed(-1), (Bytes{1}));
  EXPECT_EQ(Signed(1), (Bytes{2}));
  EXPECT_EQ(Signed(63), (Bytes{0x7e}));
  EXPECT_EQ(Signed(-64), (Bytes{0x7f}));
  EXPECT_EQ(Signed(64), (Bytes{0x80, 0x01}));
  EXPECT_EQ(Signed(-65), (Bytes{0x81, 0x01}));
  EXPECT_EQ(Signed(kMax32), (Bytes{0xfe, 0xff, 0xff, 0xff, 0x0f}));
  EXPECT_EQ(Signed(kMin32), (Bytes{0xff, 0xff, 0xff, 0xff, 0x0f}));
  EXPECT_EQ(SignedLong(kMax64),
            (Bytes{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}));
  EXPECT_EQ(SignedLong(kMin64),
            (Bytes{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}));
}

// Encodes, then reads with a byte behind it, and then with the last byte missing.
template <typename T, typename Append, typename Read>
void RoundTrip(T value, Append append, Read read) {
  Bytes bytes;
  append(bytes, value);
  size_t size = bytes.size();
  bytes.push_back(0xaa);
  ByteView in = bytes;
  T got = static_cast<T>(~value);
  ASSERT_TRUE(read(&in, &got)) << value;
  EXPECT_EQ(got, value);
  ASSERT_EQ(in.size(), 1u);
  for (size_t cut = 0; cut < size; ++cut) {
    ByteView truncated = ByteView(bytes).first(cut);
    T untouched = value;
    EXPECT_FALSE(read(&truncated, &untouched));
    EXPECT_EQ(truncated.size(), cut);
    EXPECT_EQ(untouched, value);
  }
}

template <typename U>
std::vector<U> Edges() {
  std::vector<U> edges;
  for (size_t bit = 0; bit < sizeof(U) * 8; ++bit) {
    U power = static_cast<U>(U{1} << bit);
    for (U v : {static_cast<U>(power - 1), power, static_cast<U>(power + 1)}) {
      edges.push_back(v);
      edges.push_back(static_cast<U>(~v));
    }
  }
  return edges;
}

TEST(Varint, RoundTripsAroundEachPowerOfTwo) {
  for (uint32_t v : Edges<uint32_t>()) {
    RoundTrip(v, AppendUnsignedVarint, ReadUnsignedVarint);
    RoundTrip(static_cast<int32_t>(v), AppendVarint, ReadVarint);
  }
  for (uint64_t v : Edges<uint64_t>()) {
    RoundTrip(v, AppendUnsignedVarlong, ReadUnsignedVarlong);
    RoundTrip(static_cast<int64_t>(v), AppendVarlong, ReadVarlong);
  }
}

TEST(Varint, RoundTripsRandomValues) {
  uint64_t seed = std::random_device{}();
  std::printf("varint_test seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 rng(seed);
  for (int i = 0; i < 20000; ++i) {
    uint64_t v = rng() >> (rng() % 64);
    RoundTrip(static_cast<int64_t>(v), AppendVarlong, ReadVarlong);
    RoundTrip(static_cast<int32_t>(v), AppendVarint, ReadVarint);
  }
}

TEST(Varint, RefusesAGroupTooMany) {
  uint32_t v32;
  uint64_t v64;
  Bytes six = {0x80, 0x80, 0x80, 0x80, 0x80, 0x00};
  ByteView in = six;
  EXPECT_FALSE(ReadUnsignedVarint(&in, &v32));
  EXPECT_EQ(in.size(), six.size());
  Bytes eleven(10, 0x80);
  eleven.push_back(0);
  in = eleven;
  EXPECT_FALSE(ReadUnsignedVarlong(&in, &v64));
}

TEST(Varint, TakesPaddedAndOverfullNumbersAsABrokerDoes) {
  Bytes padded = {0x81, 0x80, 0x00};
  ByteView in = padded;
  uint32_t v;
  ASSERT_TRUE(ReadUnsignedVarint(&in, &v));
  EXPECT_EQ(v, 1u);
  Bytes overfull = {0xff, 0xff, 0xff, 0xff, 0x7f};  // bits 32 to 34 do not exist
  in = overfull;
  ASSERT_TRUE(ReadUnsignedVarint(&in, &v));
  EXPECT_EQ(v, 0xffffffffu);
}

TEST(ZigZag, Edges) {
  EXPECT_EQ(ZigZagDecode(ZigZagEncode(kMin32)), kMin32);
  EXPECT_EQ(ZigZagDecode(ZigZagEncode(kMax64)), kMax64);
  EXPECT_EQ(ZigZagDecode(ZigZagEncode(kMin64)), kMin64);
  EXPECT_EQ(ZigZagEncode(int32_t{-1}), 1u);
}

}  // namespace
}  // namespace maxbrod
