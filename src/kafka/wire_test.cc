#include "kafka/wire.h"

#include <gtest/gtest.h>

#include <limits>

namespace maxbrod::kafka {
namespace {

Bytes Hex(std::string_view text) {
  Bytes bytes;
  EXPECT_TRUE(FromHex(text, &bytes));
  return bytes;
}

std::string Written(const WireWriter& writer) {
  return ToHex(writer.Flatten());
}

TEST(WireTest, FixedIntegersAreBigEndian) {
  WireWriter w;
  w.Bool(true);
  w.Int8(-2);
  w.Int16(0x0102);
  w.Int32(0x01020304);
  w.Int64(-2);
  EXPECT_EQ("01fe010201020304fffffffffffffffe", Written(w));
  Bytes bytes = w.Flatten();
  WireReader r(bytes);
  EXPECT_TRUE(r.Bool());
  EXPECT_EQ(-2, r.Int8());
  EXPECT_EQ(0x0102, r.Int16());
  EXPECT_EQ(0x01020304, r.Int32());
  EXPECT_EQ(-2, r.Int64());
  EXPECT_TRUE(r.ok());
  EXPECT_EQ(0u, r.left());
}

TEST(WireTest, VarintsAtTheirEdges) {
  struct Case {
    uint32_t value;
    const char* hex;
  };
  for (Case c : {Case{0, "00"}, Case{127, "7f"}, Case{128, "8001"}, Case{16383, "ff7f"},
                 Case{16384, "808001"}, Case{0xffffffffu, "ffffffff0f"}}) {
    WireWriter w;
    w.UnsignedVarint(c.value);
    EXPECT_EQ(c.hex, Written(w));
    Bytes bytes = Hex(c.hex);
    WireReader r(bytes);
    EXPECT_EQ(c.value, r.UnsignedVarint());
    EXPECT_TRUE(r.ok());
  }
  for (int64_t value : {int64_t{0}, int64_t{-1}, int64_t{1}, int64_t{-64}, int64_t{64},
                        std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()}) {
    WireWriter w;
    w.Varlong(value);
    auto narrow = static_cast<int32_t>(value);
    w.Varint(narrow);
    Bytes bytes = w.Flatten();
    WireReader r(bytes);
    EXPECT_EQ(value, r.Varlong());
    EXPECT_EQ(narrow, r.Varint());
    EXPECT_TRUE(r.ok());
    EXPECT_EQ(0u, r.left());
  }
}

TEST(WireTest, VarintsThatAreTooLongAreErrors) {
  for (const char* hex : {"ffffffff10", "ffffffffff01", "80"}) {
    Bytes bytes = Hex(hex);
    WireReader r(bytes);
    EXPECT_EQ(0u, r.UnsignedVarint());
    EXPECT_FALSE(r.ok()) << hex;
  }
  Bytes bytes = Hex("ffffffffffffffffff02");
  WireReader r(bytes);
  EXPECT_EQ(0, r.Varlong());
  EXPECT_FALSE(r.ok());
}

TEST(WireTest, StringsAndBytesInBothForms) {
  WireWriter w;
  w.String("ab", /*compact=*/false);
  w.String("ab", /*compact=*/true);
  w.NullableString(std::nullopt, false);
  w.NullableString(std::nullopt, true);
  w.String("", true);
  w.NullableBytes(AsBytes("c"), false);
  w.NullableBytes(AsBytes("c"), true);
  w.NullableBytes(std::nullopt, false);
  w.NullableBytes(std::nullopt, true);
  EXPECT_EQ(
      "00026162"
      "036162"
      "ffff"
      "00"
      "01"
      "0000000163"
      "0263"
      "ffffffff"
      "00",
      Written(w));
  Bytes bytes = w.Flatten();
  WireReader r(bytes);
  EXPECT_EQ("ab", r.String(false));
  EXPECT_EQ("ab", r.String(true));
  EXPECT_EQ(std::nullopt, r.NullableString(false));
  EXPECT_EQ(std::nullopt, r.NullableString(true));
  EXPECT_EQ("", r.NullableString(true));
  EXPECT_EQ("c", AsText(r.BytesField(false)));
  EXPECT_EQ("c", AsText(r.BytesField(true)));
  EXPECT_FALSE(r.NullableBytes(false).has_value());
  EXPECT_FALSE(r.NullableBytes(true).has_value());
  EXPECT_TRUE(r.ok());
  EXPECT_EQ(0u, r.left());
}

TEST(WireTest, BytesAreViewsOfTheSource) {
  Bytes bytes = Hex("0263");
  WireReader r(bytes);
  EXPECT_EQ(bytes.data() + 1, r.BytesField(true).data());
}

TEST(WireTest, TheErrorIsStickyAndNamesThePosition) {
  Bytes bytes = Hex("00000007");
  WireReader r(bytes);
  EXPECT_EQ(0, r.Int16());
  EXPECT_EQ("", r.String(false));  // seven bytes where none are left
  EXPECT_FALSE(r.ok());
  EXPECT_EQ(0, r.Int8());
  EXPECT_EQ(std::nullopt, r.NullableBytes(true));
  EXPECT_EQ(Code::kProtocol, r.status().code());
  EXPECT_NE(std::string::npos, r.status().message().find("at byte 4 of 4")) << r.status().message();
}

TEST(WireTest, LengthsThatLieAreErrorsBeforeAnythingIsAllocated) {
  {
    Bytes bytes = Hex("7fffffff00");
    WireReader r(bytes);
    EXPECT_EQ(std::nullopt, r.NullableArray(false, 1));
    EXPECT_FALSE(r.ok());
  }
  {
    Bytes bytes =
        Hex("00000002"
            "0000000100000002");  // two int32 fit exactly
    WireReader r(bytes);
    EXPECT_EQ(2u, r.Array(false, 4));
    WireReader longer(bytes);
    longer.Array(false, 5);
    EXPECT_FALSE(longer.ok());
  }
  for (const char* hex : {"fffffffe", "80000000"}) {  // negative, but not null
    Bytes bytes = Hex(hex);
    WireReader array(bytes);
    array.NullableArray(false, 1);
    EXPECT_FALSE(array.ok());
    WireReader field(bytes);
    field.NullableBytes(false);
    EXPECT_FALSE(field.ok());
  }
  Bytes bytes = Hex("fffe");
  WireReader text(bytes);
  text.NullableString(false);
  EXPECT_FALSE(text.ok());
}

TEST(WireTest, NullWhereItMustNotBe) {
  Bytes bytes = Hex("00");
  WireReader text(bytes);
  text.String(true);
  EXPECT_FALSE(text.ok());
  WireReader array(bytes);
  EXPECT_EQ(0u, array.Array(true, 1));
  EXPECT_FALSE(array.ok());
}

TEST(WireTest, TaggedFieldsAreKeptOrSkipped) {
  WireWriter w;
  Bytes a = Hex("aa");
  Bytes b = Hex("bbbb");
  w.TaggedFields({{0, a}, {200, b}});
  w.Int8(7);
  EXPECT_EQ(
      "02"
      "0001aa"
      "c80102bbbb"
      "07",
      Written(w));
  Bytes bytes = w.Flatten();
  WireReader keep(bytes);
  std::vector<TaggedField> fields;
  keep.ReadTaggedFields(&fields);
  ASSERT_EQ(2u, fields.size());
  EXPECT_EQ(200u, fields[1].tag);
  EXPECT_EQ("bbbb", ToHex(fields[1].value));
  EXPECT_EQ(7, keep.Int8());
  WireReader skip(bytes);
  skip.SkipTaggedFields();
  EXPECT_EQ(7, skip.Int8());
  for (const char* hex : {"02"
                          "0100"
                          "0100",
                          "02"
                          "0100"
                          "0000",
                          "ff0f", "010005aa"}) {
    Bytes wrong = Hex(hex);  // twice, descending, too many, too long
    WireReader r(wrong);
    r.SkipTaggedFields();
    EXPECT_FALSE(r.ok()) << hex;
  }
}

TEST(WireTest, ReferencedPayloadIsNotCopied) {
  Bytes payload(WireWriter::kReferenceBytesMin, 0x55);
  Bytes tiny = {1, 2, 3};
  WireWriter w(WireWriter::Payload::kReference);
  w.Int32(0);
  std::vector<ByteView> parts = {tiny, payload, payload};
  w.Records(parts, /*compact=*/false);
  w.Int16(9);
  w.PatchInt32(0, 42);
  std::vector<ByteView> pieces = w.Pieces();
  ASSERT_EQ(4u, pieces.size());
  EXPECT_EQ(
      "0000002a"
      "00000403"
      "010203",
      ToHex(pieces[0]));
  EXPECT_EQ(payload.data(), pieces[1].data());
  EXPECT_EQ(payload.data(), pieces[2].data());
  EXPECT_EQ("0009", ToHex(pieces[3]));
  EXPECT_EQ(w.size(), w.Flatten().size());

  WireWriter copying;
  copying.Int32(42);
  copying.Records(parts, false);
  copying.Int16(9);
  EXPECT_EQ(Written(copying), Written(w));
  EXPECT_EQ(1u, copying.Pieces().size());

  WireWriter moved = std::move(w);
  EXPECT_EQ(pieces[0].data(), moved.Pieces()[0].data());
}

TEST(WireTest, WhatDoesNotFitItsLengthIsAnError) {
  WireWriter w;
  w.String(std::string(32767, 'x'), false);
  EXPECT_TRUE(w.status().ok());
  w.String(std::string(32768, 'x'), true);
  EXPECT_EQ(Code::kInvalidArgument, w.status().code());
  WireWriter bytes;
  bytes.NullableBytes(Bytes(32768, 'x'), /*compact=*/true);
  WireReader r(bytes.buffer());
  r.String(true);
  EXPECT_FALSE(r.ok());
}

}  // namespace
}  // namespace maxbrod::kafka
