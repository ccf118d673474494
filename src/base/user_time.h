// Points in time as people write them on a command line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace maxbrod {

// Milliseconds since the Unix epoch, as Kafka's timestamps, of
//   "2026-11-20T10:00:00Z", "2026-11-20T12:00:00.250+02:00" (RFC 3339; a time zone is needed, a
//   fraction finer than milliseconds is cut off), or
//   "1795168800000": such milliseconds themselves, 12 digits or more (fewer would be seconds, most
//   likely).
// kInvalidArgument with a hint for anything else, such as a day that does not exist.
Result<int64_t> ParseUserTime(std::string_view text);

// Milliseconds of "250ms", "90s", "30m", "2h", "7d": a whole number and a unit. kInvalidArgument
// with a hint for anything else, also what is longer than a hundred years.
Result<int64_t> ParseUserDuration(std::string_view text);

// The inverse of ParseUserTime, in UTC: "2026-11-20T10:00:00Z", or "2026-11-20T10:00:00.250Z" where
// there are milliseconds. For years 1970 to 9999.
std::string FormatUserTime(int64_t wall_millis);

}  // namespace maxbrod
