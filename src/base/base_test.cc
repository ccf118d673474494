#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/status.h"

namespace maxbrod {
namespace {

Result<int> Half(int v) {
  if (v % 2 != 0) return Status(Code::kInvalidArgument, "odd");
  return v / 2;
}

Status Quarter(int v, int* out) {
  MB_ASSIGN_OR_RETURN(int half, Half(v));
  MB_ASSIGN_OR_RETURN(*out, Half(half));
  return Status::Ok();
}

TEST(Status, CarriesCodeContextHintAndRetry) {
  Status s = Status(Code::kUnavailable, "connection refused").Retryable().WithHint("is it up?");
  s = std::move(s).WithContext("broker 1");
  EXPECT_EQ(s.ToString(), "broker 1: connection refused");
  EXPECT_EQ(s.hint(), "is it up?");
  EXPECT_TRUE(s.retryable());
  EXPECT_EQ(InfoOf(s.code()).exit_code, 6);
  EXPECT_TRUE(Status::Ok().ok());
}

TEST(Status, CopiesAreIndependent) {
  Status a(Code::kIo, "x");
  Status b = a.WithContext("y");
  EXPECT_EQ(a.message(), "x");
  EXPECT_EQ(b.message(), "y: x");
}

TEST(Result, MacrosPassErrorsOn) {
  int out = 0;
  EXPECT_TRUE(Quarter(8, &out).ok());
  EXPECT_EQ(out, 2);
  EXPECT_EQ(Quarter(6, &out).message(), "odd");
}

TEST(Codes, EachHasItsOwnNameAndExitCode) {
  for (int i = 0; i <= static_cast<int>(Code::kInternal); ++i) {
    EXPECT_EQ(static_cast<int>(InfoOf(static_cast<Code>(i)).code), i);
    for (int j = 0; j < i; ++j) {
      EXPECT_NE(InfoOf(static_cast<Code>(i)).name, InfoOf(static_cast<Code>(j)).name);
      EXPECT_NE(InfoOf(static_cast<Code>(i)).exit_code, InfoOf(static_cast<Code>(j)).exit_code);
    }
  }
}

TEST(Bytes, BigEndianByteByByte) {
  Bytes out;
  AppendBig<int32_t>(out, 0x01020304);
  AppendBig<int16_t>(out, -2);
  EXPECT_EQ(out, (Bytes{1, 2, 3, 4, 0xff, 0xfe}));
  EXPECT_EQ(LoadBig<int32_t>(out.data()), 0x01020304);
  EXPECT_EQ(LoadBig<int16_t>(out.data() + 4), -2);
  EXPECT_EQ(LoadBig<uint8_t>(out.data()), 1);
}

TEST(Bytes, HexRoundTripsAndRefusesNonsense) {
  Bytes bytes;
  EXPECT_TRUE(FromHex("00ffA5", &bytes));
  EXPECT_EQ(ToHex(bytes), "00ffa5");
  EXPECT_FALSE(FromHex("0", &bytes));
  EXPECT_FALSE(FromHex("zz", &bytes));
}

TEST(Uuid, PrintsAsKafkaDoes) {
  Uuid id;
  ASSERT_TRUE(Uuid::ParseHex("00112233445566778899aabbccddeeff", &id));
  // java: new Uuid(0x0011223344556677L, 0x8899aabbccddeeffL).toString()
  EXPECT_EQ(id.ToBase64(), "ABEiM0RVZneImaq7zN3u_w");
  EXPECT_TRUE(Uuid().IsZero());
}

TEST(FakeClock, MovesOnlyWhenTold) {
  FakeClock clock(1000);
  EXPECT_EQ(clock.WallMillis(), 1000);
  EXPECT_TRUE(clock.Sleep(Millis(5)));
  EXPECT_EQ(clock.WallMillis(), 1005);
  EXPECT_EQ(clock.MonotonicNanos(), 5'000'000);
}

}  // namespace
}  // namespace maxbrod
