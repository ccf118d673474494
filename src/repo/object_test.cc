#include "repo/object.h"

#include <gtest/gtest.h>

#include "codec/crc32c.h"
#include "repo/format.pb.h"

namespace maxbrod::repo {
namespace {

Salt TestSalt(uint8_t first) {
  Salt salt;
  for (size_t i = 0; i < salt.size(); ++i) salt[i] = static_cast<uint8_t>(first + i);
  return salt;
}

format::Config Record(int n, size_t filler = 0) {
  format::Config config;
  config.set_format_version(static_cast<uint32_t>(n));
  config.set_created_by(std::string(filler, 'x') + std::to_string(n));
  return config;
}

Bytes Build(const std::vector<format::Config>& records, ObjectType type = ObjectType::kConfig,
            uint8_t salt = 1) {
  ObjectBuilder builder(type, TestSalt(salt));
  for (const auto& r : records) EXPECT_TRUE(builder.Add(r).ok());
  return builder.Finish();
}

Status Read(ByteView bytes, std::vector<format::Config>* out,
            ObjectType type = ObjectType::kConfig) {
  return ReadObject(type, "x", bytes, [&](ByteView record) {
    format::Config config;
    if (!config.ParseFromArray(record.data(), static_cast<int>(record.size()))) {
      return Status(Code::kCorrupt, "parse");
    }
    out->push_back(config);
    return Status::Ok();
  });
}
Status Read(ByteView bytes) {
  std::vector<format::Config> records;
  return Read(bytes, &records);
}

// Sets a byte of the header and puts its CRC right again.
Bytes Forged(Bytes object, size_t at, uint8_t value) {
  object[at] = value;
  StoreBig<uint32_t>(object.data() + 76, Crc32c(ByteView(object).first(76)));
  return object;
}

TEST(Object, GivesRecordsBackInOrder) {
  std::vector<format::Config> records;
  ASSERT_TRUE(Read(Build({Record(1), Record(2), Record(3)}), &records).ok());
  ASSERT_EQ(records.size(), 3u);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(records[static_cast<size_t>(i)].format_version(), static_cast<uint32_t>(i + 1));
}

TEST(Object, AnEmptyRecordIsARecord) {
  std::vector<format::Config> records;
  ASSERT_TRUE(Read(Build({format::Config()}), &records).ok());
  EXPECT_EQ(records.size(), 1u);
}

TEST(Object, HeaderLayout) {
  uint8_t h[kObjectHeaderBytes];
  EncodeObjectHeader(ObjectType::kCommit, TestSalt(7), h);
  EXPECT_EQ(ToHex(ByteView(h).first(12)), "4d5842524c01000000000000");
  EXPECT_EQ(ToHex(ByteView(h).subspan(12, 32)), ToHex(TestSalt(7)));
  EXPECT_EQ(ToHex(ByteView(h).subspan(44, 32)), std::string(64, '0'));
  EXPECT_EQ(LoadBig<uint32_t>(h + 76), Crc32c(ByteView(h).first(76)));
  EXPECT_EQ(HeaderSalt(h), TestSalt(7));
}

TEST(Object, FrameCheckCoversSaltOrdinalHeaderAndPayload) {
  Bytes object = Build({Record(5)});
  Bytes covered;
  Salt salt = TestSalt(1);
  Append(covered, ByteView(salt).first(16));
  AppendBig<uint32_t>(covered, 0);
  Append(covered, ByteView(object).subspan(80, object.size() - 84));
  EXPECT_EQ(LoadBig<uint32_t>(object.data() + object.size() - 4), Crc32c(covered));
}

TEST(Object, SaltIsFresh) {
  ObjectBuilder a(ObjectType::kCommit), b(ObjectType::kCommit);
  ASSERT_TRUE(a.Add(Record(1)).ok());
  ASSERT_TRUE(b.Add(Record(1)).ok());
  EXPECT_NE(HeaderSalt(a.Finish()), HeaderSalt(b.Finish()));
}

TEST(Object, EveryFlippedBitIsNoticed) {
  Bytes object = Build({Record(1), Record(2, 2000), Record(3)});
  ASSERT_LT(object.size(), 1000u) << "the middle record should be compressed";
  for (size_t i = 0; i < object.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes damaged = object;
      damaged[i] = static_cast<uint8_t>(damaged[i] ^ (1 << bit));
      EXPECT_EQ(Read(damaged).code(), Code::kCorrupt) << "byte " << i << " bit " << bit;
    }
  }
}

TEST(Object, EveryTruncationIsNoticed) {
  Bytes object = Build({Record(1), Record(2), Record(3)});
  for (size_t n = 0; n < object.size(); ++n) {
    EXPECT_EQ(Read(ByteView(object).first(n)).code(), Code::kCorrupt) << n;
  }
  object.push_back(0);
  EXPECT_EQ(Read(object).code(), Code::kCorrupt);
}

TEST(Object, NothingIsHandedOutOfADamagedObject) {
  Bytes object = Build({Record(1), Record(2)});
  object.back() ^= 1;
  std::vector<format::Config> records;
  EXPECT_FALSE(Read(object, &records).ok());
  EXPECT_TRUE(records.empty());
}

TEST(Object, SwappedFramesAreNoticed) {
  Bytes object = Build({Record(1), Record(2), Record(3)});
  size_t frame = (object.size() - kObjectHeaderBytes) / 3;
  Bytes swapped = object;
  std::swap_ranges(swapped.begin() + 80, swapped.begin() + 80 + static_cast<ptrdiff_t>(frame),
                   swapped.begin() + 80 + static_cast<ptrdiff_t>(frame));
  ASSERT_NE(swapped, object);
  EXPECT_EQ(Read(swapped).code(), Code::kCorrupt);
}

TEST(Object, FramesOfAnotherObjectAreNoticed) {
  Bytes a = Build({Record(1)}, ObjectType::kConfig, 1);
  Bytes b = Build({Record(2)}, ObjectType::kConfig, 2);
  std::copy(b.begin() + 80, b.end(), a.begin() + 80);
  EXPECT_EQ(Read(a).code(), Code::kCorrupt);
}

TEST(Object, AnotherTypeIsNoticed) {
  std::vector<format::Config> records;
  Status status = Read(Build({Record(1)}, ObjectType::kManifest), &records);
  EXPECT_EQ(status.code(), Code::kCorrupt);
  EXPECT_EQ(status.message(), "x: is a manifest, expected a config");
}

TEST(Object, NewerVersionsAreRefusedWithAHint) {
  Status status = Read(Forged(Build({Record(1)}), 5, 2));
  EXPECT_EQ(status.code(), Code::kUnsupported);
  EXPECT_NE(status.hint().find("newer maxbrod"), std::string::npos);
}

TEST(Object, EncryptedObjectsAreRefusedClearly) {
  Status status = Read(Forged(Build({Record(1)}), 6, 1));
  EXPECT_EQ(status.code(), Code::kUnsupported);
  EXPECT_NE(status.message().find("encrypted"), std::string::npos);
}

TEST(Object, ForgedHeaderFieldsAreNoticed) {
  Bytes object = Build({Record(1)});
  EXPECT_EQ(Read(Forged(object, 4, '?')).code(), Code::kUnsupported);
  EXPECT_EQ(Read(Forged(object, 5, 0)).code(), Code::kCorrupt);
  EXPECT_EQ(Read(Forged(object, 6, 9)).code(), Code::kUnsupported);
  EXPECT_EQ(Read(Forged(object, 7, 1)).code(), Code::kUnsupported);
  EXPECT_EQ(Read(Forged(object, 11, 1)).code(), Code::kCorrupt);
  EXPECT_EQ(Read(Forged(object, 75, 1)).code(), Code::kCorrupt);
}

// A frame whose header lies, with a check that holds.
Status ReadForgedFrame(FrameHeader header, Bytes payload, uint8_t reserved = 0) {
  Bytes object(kObjectHeaderBytes);
  EncodeObjectHeader(ObjectType::kConfig, TestSalt(1), object.data());
  uint8_t encoded[kFrameHeaderBytes];
  header.Encode(encoded);
  encoded[11] = reserved;
  Append(object, encoded);
  Append(object, payload);
  FrameChecker checker(TestSalt(1));
  AppendBig<uint32_t>(
      object, checker.Check(0, encoded, Crc32c(payload), static_cast<uint32_t>(payload.size())));
  return Read(object);
}

TEST(Object, LengthsThatLieAreNoticed) {
  FrameHeader header;
  header.flags = kFrameLastOfObject;
  header.plain_bytes = header.stored_bytes = 2;
  EXPECT_EQ(ReadForgedFrame(header, {0x10, 1}).code(), Code::kOk);
  header.plain_bytes = 3;
  EXPECT_EQ(ReadForgedFrame(header, {0x10, 1}).code(), Code::kCorrupt);
  header.plain_bytes = header.stored_bytes = 0xffffffff;
  EXPECT_EQ(ReadForgedFrame(header, {0x10, 1}).code(), Code::kCorrupt);
  header.plain_bytes = header.stored_bytes = kMiB;
  EXPECT_EQ(ReadForgedFrame(header, {0x10, 1}).code(), Code::kCorrupt);
  header.codec = FrameCodec::kZstd;  // not zstd at all
  header.plain_bytes = 1000;
  header.stored_bytes = 2;
  EXPECT_EQ(ReadForgedFrame(header, {0x10, 1}).code(), Code::kCorrupt);
}

TEST(Object, UnknownFrameKindsAreUnsupportedAndNotDamage) {
  FrameHeader header;
  header.flags = kFrameLastOfObject;
  header.plain_bytes = header.stored_bytes = 2;
  EXPECT_EQ(ReadForgedFrame(header, {0x10, 1}, 1).code(), Code::kUnsupported);
  header.kind = static_cast<FrameKind>(9);
  EXPECT_EQ(ReadForgedFrame(header, {0x10, 1}).code(), Code::kUnsupported);
  header.kind = FrameKind::kData;
  EXPECT_EQ(ReadForgedFrame(header, {0x10, 1}).code(), Code::kCorrupt);
}

TEST(Object, ARecordLargerThanAFrameIsRefused) {
  ObjectBuilder builder(ObjectType::kConfig);
  EXPECT_EQ(builder.Add(Record(1, kMiB)).code(), Code::kInternal);
  EXPECT_TRUE(builder.Add(Record(1, kMiB - 100)).ok());
}

TEST(Object, UnknownFieldsAreKept) {
  format::Config config = Record(1);
  google::protobuf::UnknownFieldSet* unknown =
      config.GetReflection()->MutableUnknownFields(&config);
  unknown->AddVarint(777, 42);
  std::vector<format::Config> records;
  ASSERT_TRUE(Read(Build({config}), &records).ok());
  EXPECT_EQ(records.at(0).SerializeAsString(), config.SerializeAsString());
}

}  // namespace
}  // namespace maxbrod::repo
