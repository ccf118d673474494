#include "base/time_zone.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <limits>
#include <random>

#include "base/user_time.h"
#include "base/zone_data.h"

namespace maxbrod {
namespace {

TimeZone Zone(const char* name) {
  Result<TimeZone> zone = TimeZone::Load(name);
  EXPECT_TRUE(zone.ok()) << name << ": " << zone.status().ToString();
  return zone.ok() ? *zone : TimeZone::Utc();
}

int64_t Ms(const char* text) {
  Result<int64_t> millis = ParseUserTime(text);
  EXPECT_TRUE(millis.ok()) << text;
  return millis.ok() ? *millis : 0;
}

// Sets TZ while it lives.
class WithTz {
 public:
  explicit WithTz(const char* value) {
    if (const char* old = std::getenv("TZ")) old_ = old;
    setenv("TZ", value, 1);
    tzset();
  }
  ~WithTz() {
    if (old_.empty()) {
      unsetenv("TZ");
    } else {
      setenv("TZ", old_.c_str(), 1);
    }
    tzset();
  }

 private:
  std::string old_;
};

TEST(TimeZone, ShowsTheOffset) {
  const int64_t winter = Ms("2026-11-22T14:07:31Z"), summer = Ms("2026-07-01T22:30:00Z");
  EXPECT_EQ(FormatCivilTime(winter, TimeZone::Utc()), "2026-11-22 14:07:31Z");
  EXPECT_EQ(FormatCivilTime(winter, Zone("UTC")), "2026-11-22 14:07:31Z");
  EXPECT_EQ(FormatCivilTime(winter, Zone("Europe/Berlin")), "2026-11-22 15:07:31+01:00");
  EXPECT_EQ(FormatCivilTime(summer, Zone("Europe/Berlin")), "2026-07-02 00:30:00+02:00");
  EXPECT_EQ(FormatCivilTime(summer, Zone("America/St_Johns")), "2026-07-01 20:00:00-02:30");
  EXPECT_EQ(FormatCivilTime(winter, Zone("Europe/London")), "2026-11-22 14:07:31+00:00");
  EXPECT_EQ(FormatCivilTime(-1, TimeZone::Utc()), "1969-12-31 23:59:59Z");
  // Beyond the file's own table: its rule.
  EXPECT_EQ(FormatCivilTime(Ms("2091-07-01T00:00:00Z"), Zone("Europe/Berlin")),
            "2091-07-01 02:00:00+02:00");
}

TEST(TimeZone, BreaksDown) {
  CivilTime t = Zone("Asia/Kathmandu").At(Ms("2026-11-22T18:15:00.250Z"));
  EXPECT_EQ(t.year, 2026);
  EXPECT_EQ(t.month, 11);
  EXPECT_EQ(t.day, 23);
  EXPECT_EQ(t.weekday, 1);
  EXPECT_EQ(t.hour, 0);
  EXPECT_EQ(t.minute, 0);
  EXPECT_EQ(t.second, 0);
  EXPECT_EQ(t.millis, 250);
  EXPECT_EQ(t.utc_offset_seconds, 20'700);
  EXPECT_EQ(Zone("Asia/Kathmandu").OffsetAt(0), 19'800);  // until 1986
  EXPECT_EQ(Zone("Europe/Berlin").OffsetAt(std::numeric_limits<int64_t>::max()), 3'600);
  EXPECT_EQ(TimeZone::Utc().At(std::numeric_limits<int64_t>::max()).year, 9999);
  EXPECT_EQ(TimeZone::Utc().At(std::numeric_limits<int64_t>::min()).year, -9999);
}

TEST(TimeZone, UnknownNamesAreRefusedWithAHint) {
  for (const char* name : {"Europe/Bern", "", "../etc/passwd", "/etc/localtime", "Europe", "MEZ ",
                           "posixrules.txt", "CET-1CEST,M3.5.0,M10.5.0/3"}) {
    Result<TimeZone> zone = TimeZone::Load(name);
    ASSERT_FALSE(zone.ok()) << name;
    EXPECT_EQ(zone.status().code(), Code::kInvalidArgument) << name;
    EXPECT_NE(zone.status().hint(), "") << name;
  }
  EXPECT_EQ(TimeZone::Load("tzdata.zi").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(TimeZone::Load("iso3166").status().code(), Code::kInvalidArgument);
}

TEST(TimeZone, LocalIsWhatTzSays) {
  const int64_t winter = Ms("2026-11-22T14:07:31Z");
  for (const char* tz : {"Asia/Tokyo", ":Asia/Tokyo", "JST-9"}) {
    WithTz with(tz);
    EXPECT_EQ(FormatCivilTime(winter, Zone("local")), "2026-11-22 23:07:31+09:00") << tz;
  }
  for (const char* tz : {"", "UTC"}) {
    WithTz with(tz);
    EXPECT_EQ(FormatCivilTime(winter, Zone("local")), "2026-11-22 14:07:31Z") << tz;
  }
  WithTz with("Nowhere/At_All");
  EXPECT_FALSE(TimeZone::Load("local").ok());
}

TEST(TimeZone, PeriodsBeginWhereTheClockSaysSo) {
  struct Case {
    const char *zone, *instant;
    CalendarUnit unit;
    const char *start, *next;
  };
  const Case cases[] = {
      {"UTC", "2026-11-22T14:07:31Z", CalendarUnit::kHour, "2026-11-22T14:00:00Z",
       "2026-11-22T15:00:00Z"},
      {"Europe/Berlin", "2026-11-22T23:30:00Z", CalendarUnit::kDay, "2026-11-22T23:00:00Z",
       "2026-11-23T23:00:00Z"},
      {"Europe/Berlin", "2026-11-22T22:30:00Z", CalendarUnit::kWeek, "2026-11-15T23:00:00Z",
       "2026-11-22T23:00:00Z"},
      {"Europe/Berlin", "2026-10-31T23:30:00Z", CalendarUnit::kMonth, "2026-10-31T23:00:00Z",
       "2026-11-30T23:00:00Z"},
      {"Europe/Berlin", "2026-08-01T00:00:00Z", CalendarUnit::kYear, "2025-12-31T23:00:00Z",
       "2026-12-31T23:00:00Z"},
      // The days of the changes have 25 and 23 hours; the hour that comes twice is two.
      {"Europe/Berlin", "2026-10-25T12:00:00Z", CalendarUnit::kDay, "2026-10-24T22:00:00Z",
       "2026-10-25T23:00:00Z"},
      {"Europe/Berlin", "2026-03-29T12:00:00Z", CalendarUnit::kDay, "2026-03-28T23:00:00Z",
       "2026-03-29T22:00:00Z"},
      {"Europe/Berlin", "2026-10-25T00:59:00Z", CalendarUnit::kHour, "2026-10-25T00:00:00Z",
       "2026-10-25T01:00:00Z"},
      {"Europe/Berlin", "2026-10-25T01:59:00Z", CalendarUnit::kHour, "2026-10-25T01:00:00Z",
       "2026-10-25T02:00:00Z"},
      // A midnight that was left out, one that came twice, a whole day left out, half an hour.
      {"America/Sao_Paulo", "2018-11-04T12:00:00Z", CalendarUnit::kDay, "2018-11-04T03:00:00Z",
       "2018-11-05T02:00:00Z"},
      {"America/Havana", "2026-11-01T12:00:00Z", CalendarUnit::kDay, "2026-11-01T04:00:00Z",
       "2026-11-02T05:00:00Z"},
      {"Pacific/Apia", "2011-12-30T09:00:00Z", CalendarUnit::kDay, "2011-12-29T10:00:00Z",
       "2011-12-30T10:00:00Z"},
      {"Australia/Lord_Howe", "2026-04-04T15:10:00Z", CalendarUnit::kHour, "2026-04-04T15:00:00Z",
       "2026-04-04T15:30:00Z"},
      {"UTC", "2028-02-29T10:00:00Z", CalendarUnit::kMonth, "2028-02-01T00:00:00Z",
       "2028-03-01T00:00:00Z"},
      {"UTC", "2026-01-01T10:00:00Z", CalendarUnit::kWeek, "2025-12-29T00:00:00Z",
       "2026-01-05T00:00:00Z"},
  };
  for (const Case& c : cases) {
    TimeZone zone = Zone(c.zone);
    EXPECT_EQ(FormatUserTime(zone.StartOf(c.unit, Ms(c.instant))), c.start)
        << c.zone << " " << c.instant;
    EXPECT_EQ(FormatUserTime(zone.StartOfNext(c.unit, Ms(c.instant))), c.next)
        << c.zone << " " << c.instant;
  }
}

// The C library is the oracle for what a zone shows; StartOf and StartOfNext must enclose.
TEST(TimeZone, AgreesWithTheCLibrary) {
  const uint32_t seed = std::random_device{}();
  std::mt19937_64 random(seed);
  for (const char* name : {"Europe/Berlin", "America/New_York", "Africa/Casablanca", "Asia/Kolkata",
                           "Australia/Lord_Howe", "America/Havana", "Pacific/Apia",
                           "America/Scoresbysund", "Europe/Dublin", "Antarctica/Troll"}) {
    WithTz with(name);
    TimeZone zone = Zone(name);
    std::uniform_int_distribution<int64_t> instants(0, Ms("2110-01-01T00:00:00Z") / 1'000);
    for (int i = 0; i < 200; ++i) {
      const int64_t seconds = instants(random);
      std::time_t raw = seconds;
      std::tm tm{};
      localtime_r(&raw, &tm);
      char text[64];
      std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S%z", &tm);
      std::string expected = text;
      expected.insert(expected.size() - 2, ":");
      ASSERT_EQ(FormatCivilTime(seconds * 1'000, zone), expected)
          << name << " " << seconds << " seed " << seed;
      for (CalendarUnit unit : {CalendarUnit::kHour, CalendarUnit::kDay, CalendarUnit::kWeek,
                                CalendarUnit::kMonth, CalendarUnit::kYear}) {
        const int64_t start = zone.StartOf(unit, seconds * 1'000);
        const int64_t next = zone.StartOfNext(unit, seconds * 1'000);
        ASSERT_LE(start, seconds * 1'000) << name << " " << seconds << " seed " << seed;
        ASSERT_GT(next, seconds * 1'000) << name << " " << seconds << " seed " << seed;
        ASSERT_EQ(zone.StartOf(unit, start), start) << name << " " << seconds << " seed " << seed;
        ASSERT_EQ(zone.StartOf(unit, next - 1), start)
            << name << " " << seconds << " seed " << seed;
      }
    }
  }
}

TEST(TimeZone, RulesOfEveryForm) {
  struct Case {
    const char *rule, *instant, *shown;
  };
  const Case cases[] = {
      {"EST5EDT", "2026-07-01T12:00:00Z", "2026-07-01 08:00:00-04:00"},
      {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T00:59:59Z", "2026-10-25 02:59:59+02:00"},
      {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T01:00:00Z", "2026-10-25 02:00:00+01:00"},
      {"<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45", "2026-01-01T00:00:00Z",
       "2026-01-01 13:45:00+13:45"},
      {"AAA3BBB2,J60/0,J300/0", "2024-03-01T03:00:00Z", "2024-03-01 01:00:00-02:00"},
      {"AAA3BBB2,59/0,300/0", "2024-02-29T03:00:00Z", "2024-02-29 01:00:00-02:00"},
      {"XXX3EDT4,0/0,J365/23", "2026-12-31T12:00:00Z", "2026-12-31 08:00:00-04:00"},
      {"<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", "2026-07-01T00:00:00Z", "2026-06-30 22:00:00-02:00"},
  };
  for (const Case& c : cases) {
    Result<TimeZone> zone = TimeZone::FromRule(c.rule);
    ASSERT_TRUE(zone.ok()) << c.rule;
    EXPECT_EQ(FormatCivilTime(Ms(c.instant), *zone), c.shown) << c.rule;
  }
  for (const char* rule : {"", "C", "CET", "CET-1C", "CET-25", "CET-1CEST,", "CET-1CEST,M3.5.0",
                           "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0",
                           "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,J0,J1", "CET-1 ", "<+01-1",
                           "CET-1CEST,M3.5.0,M10.5.0/3x", "CET-1CEST,M3.5.0,M10.5.0/168"}) {
    EXPECT_FALSE(TimeZone::FromRule(rule).ok()) << rule;
  }
}

// No prefix of a file, and no changed byte of one, does worse than an error.
TEST(TimeZone, DamagedFiles) {
  Bytes file;
  for (int version = 0; version < 2; ++version) {
    Append(file, AsBytes("TZif2"));
    file.resize(file.size() + 15);
    for (uint32_t count :
         {0u, 0u, 0u, version == 0 ? 0u : 2u, 1u + static_cast<uint32_t>(version), 4u}) {
      AppendBig<uint32_t>(file, count);
    }
    if (version == 1) {
      AppendBig<int64_t>(file, 1'000'000);
      AppendBig<int64_t>(file, 2'000'000);
      Append(file, AsBytes(std::string_view("\1\0", 2)));
    }
    for (int type = 0; type <= version; ++type) {
      AppendBig<int32_t>(file, type * 3'600);
      Append(file, AsBytes(std::string_view("\0\0", 2)));
    }
    Append(file, AsBytes(std::string_view("ABC\0", 4)));
  }
  Append(file, AsBytes("\nABC0\n"));
  Result<TimeZone> zone = TimeZone::FromFile("x", file);
  ASSERT_TRUE(zone.ok()) << zone.status().ToString();
  EXPECT_EQ(zone->At(1'500'000'000).utc_offset_seconds, 3'600);
  EXPECT_EQ(zone->At(2'500'000'000).utc_offset_seconds, 0);
  for (size_t size = 0; size < file.size(); ++size) {
    EXPECT_FALSE(TimeZone::FromFile("x", ByteView(file).first(size)).ok()) << size;
  }
  for (size_t at = 0; at < file.size(); ++at) {
    Bytes changed = file;
    changed[at] ^= 0xff;
    Result<TimeZone> read = TimeZone::FromFile("x", changed);
    if (read.ok()) read->StartOf(CalendarUnit::kDay, 1'500'000'000);
  }
}

}  // namespace
}  // namespace maxbrod
