// Time zones of the IANA database (and POSIX TZ texts), which the C++20 library of g++ 12 lacks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"

namespace maxbrod {

struct ZoneData;  // zone_data.h

// What clock and calendar of a zone show at an instant. Proleptic Gregorian calendar.
struct CivilTime {
  int year = 1970;
  int month = 1;    // 1 to 12
  int day = 1;      // 1 to 31
  int weekday = 4;  // as ISO 8601: 1 is Monday, 7 Sunday
  int hour = 0, minute = 0, second = 0, millis = 0;
  int utc_offset_seconds = 0;  // east is positive
};

// A week is that of ISO 8601: it begins on Monday.
enum class CalendarUnit : uint8_t { kHour, kDay, kWeek, kMonth, kYear };

// Immutable value, cheap to copy; thread-safe. Instants are milliseconds since the Unix epoch, as
// Kafka's timestamps. Leap seconds do not exist, as in POSIX. Instants beyond the years -9999 to
// 9999 are taken as the nearest within them.
class TimeZone {
 public:
  TimeZone() : TimeZone(Utc()) {}
  static TimeZone Utc();
  // "UTC"; "local": what the variable TZ says, else /etc/localtime, else UTC; or a name of the
  // IANA database ("Europe/Berlin"), read from the folder TZDIR or /usr/share/zoneinfo.
  // kInvalidArgument with a hint for any other name, kCorrupt for a file that is none of the
  // database.
  static Result<TimeZone> Load(std::string_view name);
  // The content of a file of the database (TZif, RFC 8536). kCorrupt, or kUnsupported if it counts
  // leap seconds.
  static Result<TimeZone> FromFile(std::string name, ByteView content);
  // "CET-1CEST,M3.5.0,M10.5.0/3" as POSIX wants it in TZ. kInvalidArgument for anything else.
  static Result<TimeZone> FromRule(std::string_view rule);

  // As given to Load.
  const std::string& name() const { return name_; }
  bool is_utc() const { return data_ == nullptr; }

  // Seconds east of UTC; of an instant in *seconds* since the Unix epoch.
  int64_t OffsetAt(int64_t seconds) const;
  CivilTime At(int64_t wall_millis) const;
  // The first instant at which the zone's clock shows this date (time of day 00:00) or, where a
  // change of the clock leaves midnight out, the first instant of that day. Month and day may lie
  // outside of their range (month 13, day 0) and are carried over.
  int64_t StartOfDay(int year, int month, int day) const;
  // The first instant of the hour, day, week, month or year that `wall_millis` lies in. Two
  // instants lie in the same one exactly if these are equal. An hour that is shown twice is two
  // hours; a day that is has 25.
  int64_t StartOf(CalendarUnit unit, int64_t wall_millis) const;
  // The first instant of the next one.
  int64_t StartOfNext(CalendarUnit unit, int64_t wall_millis) const;

 private:
  TimeZone(std::string name, std::shared_ptr<const ZoneData> data)
      : name_(std::move(name)), data_(std::move(data)) {}
  static Result<TimeZone> Local();

  std::string name_;
  std::shared_ptr<const ZoneData> data_;  // null: UTC
};

// "2026-11-22 14:07:31Z" in UTC, "2026-11-22 15:07:31+01:00" in any other zone.
std::string FormatCivilTime(int64_t wall_millis, const TimeZone& zone);

}  // namespace maxbrod
