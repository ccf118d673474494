#include "base/user_time.h"

#include <gtest/gtest.h>

#include <random>

namespace maxbrod {
namespace {

int64_t Parse(std::string_view text) {
  auto time = ParseUserTime(text);
  EXPECT_TRUE(time.ok()) << text << ": " << time.status().ToString();
  return time.ok() ? *time : -1;
}

TEST(UserTimeTest, TimesOfRfc3339) {
  EXPECT_EQ(Parse("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(Parse("2001-09-09T01:46:40Z"), 1'000'000'000'000);
  EXPECT_EQ(Parse("2026-11-20T10:00:00Z"), 1'795'168'800'000);
  EXPECT_EQ(Parse("2026-11-20T12:00:00+02:00"), 1'795'168'800'000);
  EXPECT_EQ(Parse("2026-11-20T04:30:00-05:30"), 1'795'168'800'000);
  EXPECT_EQ(Parse("2026-11-20T10:00:00+00:00"), 1'795'168'800'000);
  EXPECT_EQ(Parse("2024-02-29T23:59:59.999Z"), 1'709'251'199'999);
  EXPECT_EQ(Parse("9999-12-31T23:59:59Z"), 253'402'300'799'000);
}

TEST(UserTimeTest, FractionsAreCutOffAtMilliseconds) {
  EXPECT_EQ(Parse("1970-01-01T00:00:01.5Z"), 1'500);
  EXPECT_EQ(Parse("1970-01-01T00:00:01.05Z"), 1'050);
  EXPECT_EQ(Parse("1970-01-01T00:00:01.250+00:00"), 1'250);
  EXPECT_EQ(Parse("1970-01-01T00:00:01.0019999Z"), 1'001);
  EXPECT_EQ(Parse("1970-01-01T00:00:01.999999999Z"), 1'999);
}

TEST(UserTimeTest, MillisecondsThemselves) {
  EXPECT_EQ(Parse("1795168800000"), 1'795'168'800'000);
  EXPECT_EQ(Parse("100000000000"), 100'000'000'000);
  EXPECT_EQ(Parse("999999999999999"), 999'999'999'999'999);
}

TEST(UserTimeTest, AnythingElseIsRefused) {
  for (const char* text : {"",
                           "now",
                           "1795168800",
                           "0",
                           "1000000000000000",
                           "-1795168800000",
                           "17951688000.00",
                           "2026-11-20",
                           "2026-11-20T10:00Z",
                           "2026-11-20T10:00:00",
                           "2026-11-20 10:00:00Z",
                           "2026-11-20t10:00:00Z",
                           "2026-11-20T10:00:00z",
                           "2026-11-20T10:00:00 Z",
                           "2026-11-20T10:00:00Zulu",
                           " 2026-11-20T10:00:00Z",
                           "2026-11-20T10:00:00Z ",
                           "26-11-20T10:00:00Z",
                           "2026-1-20T10:00:00Z",
                           "2026-11-2T10:00:00Z",
                           "2026-11-20T1:00:00Z",
                           "2026-11-20T10:00:00.Z",
                           "2026-11-20T10:00:00,5Z",
                           "2026-11-20T10:00:00.1234567890Z",
                           "2026-02-29T10:00:00Z",
                           "2026-04-31T10:00:00Z",
                           "2026-13-01T10:00:00Z",
                           "2026-00-01T10:00:00Z",
                           "2026-01-00T10:00:00Z",
                           "2026-01-32T10:00:00Z",
                           "2026-11-20T24:00:00Z",
                           "2026-11-20T10:60:00Z",
                           "2026-11-20T10:00:60Z",
                           "2026-11-20T10:00:00+2",
                           "2026-11-20T10:00:00+02",
                           "2026-11-20T10:00:00+0200",
                           "2026-11-20T10:00:00+24:00",
                           "2026-11-20T10:00:00+02:60",
                           "2026-11-20T10:00:00*02:00",
                           "1969-12-31T23:59:59Z",
                           "1970-01-01T00:00:00+00:01",
                           "+026-11-20T10:00:00Z"}) {
    auto time = ParseUserTime(text);
    EXPECT_EQ(time.status().code(), Code::kInvalidArgument) << text;
    EXPECT_FALSE(time.status().hint().empty()) << text;
  }
}

TEST(UserTimeTest, WhatIsPrintedIsRead) {
  EXPECT_EQ(FormatUserTime(1'795'168'800'000), "2026-11-20T10:00:00Z");
  EXPECT_EQ(FormatUserTime(1'795'168'800'007), "2026-11-20T10:00:00.007Z");
  uint64_t seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 10'000; ++i) {
    auto millis = static_cast<int64_t>(random() % 253'402'300'800'000);
    ASSERT_EQ(Parse(FormatUserTime(millis)), millis) << FormatUserTime(millis);
  }
}

TEST(UserTimeTest, Durations) {
  auto parse = [](std::string_view text) {
    auto millis = ParseUserDuration(text);
    return millis.ok() ? *millis : -1;
  };
  EXPECT_EQ(parse("250ms"), 250);
  EXPECT_EQ(parse("90s"), 90'000);
  EXPECT_EQ(parse("30m"), 1'800'000);
  EXPECT_EQ(parse("2h"), 7'200'000);
  EXPECT_EQ(parse("7d"), 604'800'000);
  EXPECT_EQ(parse("0s"), 0);
  for (const char* wrong : {"", "s", "90", "-1s", "+1s", " 1s", "1.5h", "1s ", "1w", "1S", "36501d",
                            "99999999999999999999s"})
    EXPECT_EQ(parse(wrong), -1) << wrong;
}

}  // namespace
}  // namespace maxbrod
