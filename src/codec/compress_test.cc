#include "codec/compress.h"

#include <gtest/gtest.h>
#include <snappy.h>

#include <algorithm>
#include <random>

namespace maxbrod {
namespace {

constexpr CompressionType kAll[] = {CompressionType::kNone, CompressionType::kGzip,
                                    CompressionType::kSnappy, CompressionType::kLz4,
                                    CompressionType::kZstd};
constexpr CompressionType kReal[] = {CompressionType::kGzip, CompressionType::kSnappy,
                                     CompressionType::kLz4, CompressionType::kZstd};

uint64_t Seed() {
  static const uint64_t seed = [] {
    uint64_t s = std::random_device{}();
    std::printf("compress_test seed %llu\n", static_cast<unsigned long long>(s));
    return s;
  }();
  return seed;
}

// Half noise, half repetition.
Bytes Mixed(size_t size) {
  std::mt19937_64 rng(Seed());
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) {
    bytes[i] = (i / 512) % 2 == 0 ? static_cast<uint8_t>(rng()) : static_cast<uint8_t>(i % 7);
  }
  return bytes;
}

Bytes Squeeze(CompressionType type, ByteView in, int level = kCompressionLevelDefault) {
  Bytes out;
  Status status = Compress(type, level, in, &out);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return out;
}

Bytes FromHexOrDie(std::string_view hex) {
  Bytes bytes;
  EXPECT_TRUE(FromHex(hex, &bytes));
  return bytes;
}

Bytes Join(const Bytes& a, const Bytes& b) {
  Bytes all = a;
  Append(all, b);
  return all;
}

TEST(Compress, RoundTripsEachTypeAndSize) {
  for (CompressionType type : kAll) {
    for (size_t size : {0u, 1u, 100u, 32767u, 32768u, 32769u, 65535u, 65536u, 65537u, 1000000u}) {
      Bytes in = Mixed(size), out;
      Bytes small = Squeeze(type, in);
      ASSERT_TRUE(Decompress(type, small, size, &out).ok()) << NameOf(type) << " " << size;
      ASSERT_EQ(out, in) << NameOf(type) << " " << size;
    }
  }
}

TEST(Compress, LevelsAreCheckedAndWork) {
  Bytes in = Mixed(50000), out;
  for (int level : {1, 6, 9}) {
    ASSERT_TRUE(
        Decompress(CompressionType::kGzip, Squeeze(CompressionType::kGzip, in, level), 50000, &out)
            .ok());
    EXPECT_EQ(out, in);
  }
  for (int level : {1, 9, 17}) {
    ASSERT_TRUE(
        Decompress(CompressionType::kLz4, Squeeze(CompressionType::kLz4, in, level), 50000, &out)
            .ok());
    EXPECT_EQ(out, in);
  }
  for (int level : {-5, 1, 19}) {
    ASSERT_TRUE(
        Decompress(CompressionType::kZstd, Squeeze(CompressionType::kZstd, in, level), 50000, &out)
            .ok());
    EXPECT_EQ(out, in);
  }
  EXPECT_EQ(Compress(CompressionType::kGzip, 10, in, &out).code(), Code::kInvalidArgument);
  EXPECT_EQ(Compress(CompressionType::kGzip, 0, in, &out).code(), Code::kInvalidArgument);
  EXPECT_EQ(Compress(CompressionType::kLz4, 18, in, &out).code(), Code::kInvalidArgument);
  EXPECT_EQ(Compress(CompressionType::kZstd, 23, in, &out).code(), Code::kInvalidArgument);
  EXPECT_EQ(Compress(CompressionType::kSnappy, 1, in, &out).code(), Code::kInvalidArgument);
}

// Written by the Java client 4.3.1 (Compression.wrapForOutput, magic 2).
TEST(Decompress, ReadsWhatTheJavaClientWrites) {
  const std::string text =
      R"({"name":"Josef K.","case":"unknown","case2":"unknown","case3":"unknown"})";
  const std::pair<CompressionType, std::string_view> vectors[] = {
      {CompressionType::kGzip,
       "1f8b08000000000000ffab56ca4bcc4d55b252f2ca2f4e4d53f0d653d2514a4e2c068994e665e7e597e741058c"
       "30448c91446a01d7bc4cc248000000"},
      {CompressionType::kSnappy,
       "82534e415050590000000001000000010000003a48587b226e616d65223a224a6f736566204b2e222c22636173"
       "011218756e6b6e6f776e0d110832223a3a12003033223a22756e6b6e6f776e227d"},
      {CompressionType::kLz4,
       "04224d1860408233000000f0087b226e616d65223a224a6f736566204b2e222c22636173120073756e6b6e6f77"
       "6e11001d32120013331200506f776e227d00000000"},
      {CompressionType::kZstd,
       "28b52ffd00588c010054027b226e616d65223a224a6f736566204b2e222c2263617365223a22756e6b6e6f776e"
       "32337d0300c0909af38adcf904010000"},
  };
  for (const auto& [type, hex] : vectors) {
    Bytes out;
    Status status = Decompress(type, FromHexOrDie(hex), 1000, &out);
    ASSERT_TRUE(status.ok()) << status.ToString();
    EXPECT_EQ(ToString(out), text) << NameOf(type);
  }
}

TEST(Decompress, SnappyRawAsLibrdkafkaWritesIt) {
  Bytes in = Mixed(100000), out;
  std::string raw;
  snappy::Compress(reinterpret_cast<const char*>(in.data()), in.size(), &raw);
  ASSERT_TRUE(Decompress(CompressionType::kSnappy, AsBytes(raw), in.size(), &out).ok());
  EXPECT_EQ(out, in);
}

TEST(Decompress, SnappyFramingIsByteExact) {
  Bytes small = Squeeze(CompressionType::kSnappy, AsBytes("abc"));
  EXPECT_EQ(ToHex(small),
            "82534e41505059000000000100000001"
            "00000005"
            "0308616263");
  EXPECT_EQ(Squeeze(CompressionType::kSnappy, {}).size(), 16u);
}

TEST(Decompress, StreamsOneAfterAnother) {
  Bytes a = Mixed(40000), b = Mixed(777);
  for (CompressionType type :
       {CompressionType::kGzip, CompressionType::kSnappy, CompressionType::kZstd}) {
    Bytes both = Join(Squeeze(type, a), Squeeze(type, b)), out;
    ASSERT_TRUE(Decompress(type, both, a.size() + b.size(), &out).ok()) << NameOf(type);
    EXPECT_EQ(out, Join(a, b)) << NameOf(type);
  }
}

TEST(Decompress, TheLimitIsExact) {
  for (CompressionType type : kAll) {
    for (size_t size : {1u, 1024u, 4096u, 100000u}) {
      Bytes small = Squeeze(type, Mixed(size)), out;
      EXPECT_TRUE(Decompress(type, small, size, &out).ok()) << NameOf(type) << size;
      Status status = Decompress(type, small, size - 1, &out);
      EXPECT_EQ(status.code(), Code::kCorrupt) << NameOf(type) << size;
      EXPECT_TRUE(out.empty());
    }
  }
}

TEST(Decompress, BombsAreRefused) {
  Bytes zeros(64 << 20, 0), out;
  for (CompressionType type : kReal) {
    Bytes bomb = Squeeze(type, zeros);
    ASSERT_LT(bomb.size(), zeros.size() / 10);
    Status status = Decompress(type, bomb, 1 << 20, &out);
    EXPECT_EQ(status.code(), Code::kCorrupt) << NameOf(type);
    EXPECT_NE(status.message().find("limit of 1048576"), std::string::npos) << status.ToString();
    EXPECT_TRUE(out.empty());
  }
}

TEST(Decompress, SnappyThatClaimsMoreThanItHolds) {
  Bytes out;
  // A raw block of 5 bytes that announces 1 GiB.
  EXPECT_EQ(
      Decompress(CompressionType::kSnappy, Bytes{0x80, 0x80, 0x80, 0x80, 0x04}, 2u << 30, &out)
          .code(),
      Code::kCorrupt);
  // A chunk longer than what is left, also as a negative length.
  Bytes framed = Squeeze(CompressionType::kSnappy, AsBytes("abc"));
  framed[19] = 6;
  EXPECT_EQ(Decompress(CompressionType::kSnappy, framed, 100, &out).code(), Code::kCorrupt);
  framed[16] = 0xff;
  EXPECT_EQ(Decompress(CompressionType::kSnappy, framed, 100, &out).code(), Code::kCorrupt);
}

TEST(Decompress, EveryTruncationIsNoticedOrAWholeChunk) {
  Bytes in = Mixed(70000);
  for (CompressionType type : kReal) {
    Bytes small = Squeeze(type, in), out;
    for (size_t cut = 0; cut < small.size(); cut += cut < 64 ? 1 : 997) {
      Status status = Decompress(type, ByteView(small).first(cut), in.size(), &out);
      if (type == CompressionType::kSnappy && status.ok()) {
        // The framing has no end mark: only a cut between chunks goes unnoticed.
        ASSERT_EQ(out.size() % 32768, 0u);
        ASSERT_TRUE(std::equal(out.begin(), out.end(), in.begin()));
      } else {
        ASSERT_EQ(status.code(), Code::kCorrupt) << NameOf(type) << " cut " << cut;
      }
    }
  }
}

TEST(Decompress, DamageNeverEscapesTheLimit) {
  std::mt19937_64 rng(Seed());
  Bytes in = Mixed(5000);
  for (CompressionType type : kReal) {
    Bytes small = Squeeze(type, in), out;
    for (int round = 0; round < 3000; ++round) {
      Bytes bad = small;
      for (size_t n = 1 + rng() % 4; n > 0; --n) {
        bad[rng() % bad.size()] ^= static_cast<uint8_t>(1 + rng() % 255);
      }
      Status status = Decompress(type, bad, 8000, &out);
      ASSERT_LE(out.size(), 8000u);
      ASSERT_TRUE(status.ok() || out.empty());
    }
  }
}

TEST(Decompress, EmptyAndForeignInputIsCorrupt) {
  Bytes out;
  for (CompressionType type : kReal) {
    EXPECT_EQ(Decompress(type, {}, 100, &out).code(), Code::kCorrupt) << NameOf(type);
    EXPECT_EQ(Decompress(type, Bytes(50, 0xee), 100, &out).code(), Code::kCorrupt) << NameOf(type);
  }
  // An LZ4 skippable frame holds nothing, and no Kafka client reads one.
  EXPECT_EQ(Decompress(CompressionType::kLz4, Bytes{0x50, 0x2a, 0x4d, 0x18, 0x01, 0, 0, 0, 0xaa},
                       100, &out)
                .code(),
            Code::kCorrupt);
}

TEST(CompressionTypes, NamesAndIds) {
  for (CompressionType type : kAll) {
    auto parsed = ParseCompressionType(NameOf(type));
    ASSERT_TRUE(parsed.ok());
    EXPECT_EQ(*parsed, type);
    auto by_id = CompressionTypeFromId(static_cast<int>(type));
    ASSERT_TRUE(by_id.ok());
    EXPECT_EQ(*by_id, type);
  }
  EXPECT_EQ(ParseCompressionType("lzma").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(CompressionTypeFromId(5).status().code(), Code::kUnsupported);
  EXPECT_EQ(CompressionTypeFromId(-1).status().code(), Code::kUnsupported);
}

TEST(ZstdBlock, RoundTripsAndInsistsOnItsSize) {
  for (size_t size : {0u, 1u, 5000u, 1000000u}) {
    Bytes in = Mixed(size), small, out;
    ASSERT_TRUE(ZstdCompress(3, in, &small).ok());
    ASSERT_TRUE(ZstdDecompress(small, size, &out).ok());
    EXPECT_EQ(out, in);
    EXPECT_EQ(ZstdDecompress(small, size + 1, &out).code(), Code::kCorrupt);
    EXPECT_TRUE(out.empty());
    EXPECT_EQ(ZstdDecompress(ByteView(small).first(small.size() - 1), size, &out).code(),
              Code::kCorrupt);
  }
  Bytes out;
  EXPECT_EQ(ZstdDecompress({}, 10, &out).code(), Code::kCorrupt);
  // The two values by which zstd says "unknown" and "no frame" are no sizes.
  EXPECT_EQ(ZstdDecompress({}, ~size_t{0}, &out).code(), Code::kCorrupt);
  EXPECT_EQ(ZstdDecompress({}, ~size_t{0} - 1, &out).code(), Code::kCorrupt);
}

TEST(ZstdBlock, IntoACallersBuffer) {
  Bytes in = Mixed(3000), small, out(3000);
  ASSERT_TRUE(ZstdCompress(1, in, &small).ok());
  ASSERT_TRUE(ZstdDecompressInto(small, out).ok());
  EXPECT_EQ(out, in);
  EXPECT_EQ(ZstdDecompressInto(small, MutableByteView(out).first(2999)).code(), Code::kCorrupt);
  small[small.size() / 2] ^= 0x55;
  small[5] ^= 0xff;
  EXPECT_FALSE(ZstdDecompressInto(small, out).ok());
}

}  // namespace
}  // namespace maxbrod
