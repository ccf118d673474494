// Local time of a time zone, daylight saving included: from the system's zone files (TZif, RFC
// 8536).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace maxbrod {

// A value; thread-safe.
class TimeZone {
 public:
  TimeZone() = default;  // UTC
  static TimeZone Utc() { return TimeZone(); }
  // "UTC"; "local": what the environment variable TZ names, else /etc/localtime, else UTC; or a
  // name of the zone database ("Europe/Berlin"), looked up under $TZDIR or /usr/share/zoneinfo.
  // kNotFound with a hint, kInvalidArgument for a name that leaves that folder, kCorrupt.
  static Result<TimeZone> Load(const std::string& name);
  // From the bytes of a zone file. `name` is for messages.
  static Result<TimeZone> Parse(const std::string& name, ByteView file);
  // From a rule alone: "CET-1CEST,M3.5.0,M10.5.0/3" (POSIX TZ, with RFC 8536's extensions).
  // kInvalidArgument.
  static Result<TimeZone> FromRule(std::string_view rule);

  // Seconds east of UTC at that moment (seconds since the Unix epoch).
  int64_t OffsetAt(int64_t seconds) const;
  const std::string& name() const { return name_; }

 private:
  struct Transition {
    int64_t at = 0;      // from this moment on,
    int64_t offset = 0;  // seconds east of UTC
  };
  // When, in each year, one offset begins.
  struct YearRule {
    enum class Form : uint8_t { kMonthWeekDay, kJulian, kDay } form = Form::kMonthWeekDay;
    int month = 1, week = 1, day = 0;  // kJulian: day 1 to 365, never 29 February; kDay: 0 to 365
    int64_t time = 7200;  // local seconds after midnight; may be negative or beyond 24 h
    int64_t SecondsIn(int year) const;  // of the local clock before the change
  };
  struct Rule {
    bool given = false;
    bool has_summer = false;
    int64_t standard = 0, summer = 0;  // offsets
    YearRule begin, end;               // of summer time
    int64_t OffsetAt(int64_t seconds) const;
  };
  struct RuleParser;

  std::string name_ = "UTC";
  int64_t first_offset_ = 0;             // before the first transition
  std::vector<Transition> transitions_;  // ascending
  Rule rule_;                            // after the last one
};

}  // namespace maxbrod
