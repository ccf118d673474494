// The rules of a time zone, as a file of the IANA database (TZif, RFC 8536) or a POSIX TZ text
// holds them. Used by time_zone.cc only.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace maxbrod {

constexpr int64_t kDaySeconds = 86'400;

// Days since 1970-01-01; month and day may lie outside of their range and are carried over.
int64_t DaysOf(int64_t year, int64_t month, int64_t day);

// Since when an offset holds. Seconds since the Unix epoch.
struct ZonePeriod {
  int64_t since = std::numeric_limits<int64_t>::min();
  int32_t offset = 0;  // seconds east of UTC
};

// A day of each year and a time of that day: when a POSIX rule changes the clock.
struct ZoneRuleDate {
  enum class Kind : uint8_t { kJulian, kDayOfYear, kMonthWeekDay };
  Kind kind = Kind::kMonthWeekDay;
  int day = 0;  // Jn: 1 to 365, 29 February is never counted; n: 0 to 365; Mm.w.d: 0 is Sunday
  int month = 0, week = 0;
  int32_t seconds = 7'200;  // since that day's midnight, of the clock before the change
  // Midnight of that day in `year`, in days since 1970-01-01.
  int64_t DayIn(int64_t year) const;
};

struct ZoneRule {
  int32_t standard = 0;
  bool changes = false;  // the rest counts
  int32_t summer = 0;
  ZoneRuleDate begin, end;  // of summer time

  ZonePeriod At(int64_t seconds) const;
};

// kInvalidArgument unless the whole text is a rule.
Result<ZoneRule> ParseZoneRule(std::string_view text);

struct ZoneData {
  std::vector<ZonePeriod> periods;  // in order; the first holds since ever
  bool has_rule = false;
  ZoneRule rule;  // after the last of `periods`

  ZonePeriod At(int64_t seconds) const;
};

// kCorrupt, or kUnsupported for a file that counts leap seconds.
Result<ZoneData> ParseZoneFile(ByteView content);

}  // namespace maxbrod
