#include "os/time_zone.h"

#include <gtest/gtest.h>
#include <time.h>

#include <cstdlib>
#include <iostream>
#include <random>

namespace maxbrod {
namespace {

int64_t Offset(const std::string& zone, int64_t seconds) {
  auto loaded = TimeZone::Load(zone);
  EXPECT_TRUE(loaded.ok()) << loaded.status().ToString();
  return loaded.ok() ? loaded->OffsetAt(seconds) : -1;
}

TEST(TimeZoneTest, SummerTimeBeginsAndEndsAtItsSecond) {
  constexpr int64_t kMarch = 1774746000;    // 2026-03-29T01:00:00Z
  constexpr int64_t kOctober = 1792890000;  // 2026-10-25T01:00:00Z
  EXPECT_EQ(Offset("Europe/Berlin", kMarch - 1), 3600);
  EXPECT_EQ(Offset("Europe/Berlin", kMarch), 7200);
  EXPECT_EQ(Offset("Europe/Berlin", kOctober - 1), 7200);
  EXPECT_EQ(Offset("Europe/Berlin", kOctober), 3600);
  EXPECT_EQ(Offset("UTC", kMarch), 0);
  EXPECT_EQ(Offset("Asia/Kolkata", kMarch), 19800);
}

// The C library reads the same files with other code.
TEST(TimeZoneTest, AgreesWithTheCLibrary) {
  const uint64_t seed = std::random_device{}();
  std::cout << "seed " << seed << "\n";
  std::mt19937_64 random(seed);
  for (const char* name : {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
                           "Pacific/Chatham", "Asia/Kolkata", "America/Sao_Paulo",
                           "Africa/Casablanca", "Europe/Dublin", "Pacific/Apia", "UTC"}) {
    auto zone = TimeZone::Load(name);
    ASSERT_TRUE(zone.ok()) << zone.status().ToString();
    setenv("TZ", name, 1);
    tzset();
    for (int i = 0; i < 2000; ++i) {
      auto seconds = static_cast<time_t>(random() % 4'102'444'800);  // to the year 2100
      struct tm local{};
      localtime_r(&seconds, &local);
      ASSERT_EQ(zone->OffsetAt(seconds), local.tm_gmtoff) << name << " at " << seconds;
    }
  }
  unsetenv("TZ");
  tzset();
}

TEST(TimeZoneTest, RulesAlone) {
  auto berlin = TimeZone::FromRule("CET-1CEST,M3.5.0,M10.5.0/3");
  ASSERT_TRUE(berlin.ok());
  EXPECT_EQ(berlin->OffsetAt(1774746000 - 1), 3600);
  EXPECT_EQ(berlin->OffsetAt(1774746000), 7200);
  auto fixed = TimeZone::FromRule("<+0545>-5:45");
  ASSERT_TRUE(fixed.ok());
  EXPECT_EQ(fixed->OffsetAt(0), 20700);
  auto south = TimeZone::FromRule("AEST-10AEDT,M10.1.0,M4.1.0/3");
  ASSERT_TRUE(south.ok());
  EXPECT_EQ(south->OffsetAt(1767225600), 39600) << "January is summer";
  for (const char* bad : {"", "C", "CET", "CET-1CEST", "CET-1CEST,M13.5.0,M10.5.0",
                          "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.0", "Europe/Berlin"}) {
    EXPECT_EQ(TimeZone::FromRule(bad).status().code(), Code::kInvalidArgument) << bad;
  }
}

TEST(TimeZoneTest, LocalIsWhatTheEnvironmentSays) {
  setenv("TZ", "Asia/Tokyo", 1);
  EXPECT_EQ(Offset("local", 0), 32400);
  setenv("TZ", ":Asia/Kolkata", 1);
  EXPECT_EQ(Offset("local", 0), 19800);
  setenv("TZ", "EST5", 1);
  EXPECT_EQ(Offset("local", 0), -18000);
  setenv("TZ", "", 1);
  EXPECT_EQ(Offset("local", 0), 0);
  unsetenv("TZ");
}

TEST(TimeZoneTest, NamesAndFilesThatAreNone) {
  auto missing = TimeZone::Load("Europe/Brod");
  EXPECT_EQ(missing.status().code(), Code::kNotFound);
  EXPECT_NE(missing.status().hint(), "");
  EXPECT_EQ(TimeZone::Load("../../etc/passwd").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(TimeZone::Load("/etc/passwd").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(TimeZone::Load("").status().code(), Code::kInvalidArgument);
  Bytes file(44, 0);
  EXPECT_EQ(TimeZone::Parse("x", file).status().code(), Code::kCorrupt);
  std::copy_n("TZif2", 5, file.begin());
  EXPECT_EQ(TimeZone::Parse("x", file).status().code(), Code::kCorrupt);
  std::fill(file.begin() + 20, file.end(), uint8_t{0xff});  // lies about its counts
  EXPECT_EQ(TimeZone::Parse("x", file).status().code(), Code::kCorrupt);
}

}  // namespace
}  // namespace maxbrod
