#include "base/time_zone.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/zone_data.h"

namespace maxbrod {
namespace {

constexpr uintmax_t kZoneFileBytesMax = 1 << 20;  // the largest of the database has 4 KiB
constexpr int64_t kYearMax = 9999;

std::filesystem::path ZoneFolder() {
  const char* folder = std::getenv("TZDIR");
  return folder != nullptr && *folder != '\0' ? folder : "/usr/share/zoneinfo";
}

// kNotFound if there is no such file.
Result<std::string> ReadZoneFile(const std::filesystem::path& path) {
  std::error_code error;
  uintmax_t size = std::filesystem::is_regular_file(path, error)
                       ? std::filesystem::file_size(path, error)
                       : kZoneFileBytesMax + 1;
  std::ifstream in(path, std::ios::binary);
  if (error || !in || size > kZoneFileBytesMax) {
    return Status(Code::kNotFound, "no time zone file '" + path.string() + "'");
  }
  std::string content(size, '\0');
  in.read(content.data(), static_cast<std::streamsize>(size));
  content.resize(static_cast<size_t>(in.gcount()));
  return content;
}

// Names of the database never lead out of its folder.
bool IsZoneName(std::string_view name) {
  auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '_' || c == '-' || c == '+';
  };
  return !name.empty() && name.front() != '/' && std::all_of(name.begin(), name.end(), fits);
}

Status NoZone(std::string_view name) {
  std::error_code ignored;
  const std::filesystem::path folder = ZoneFolder();
  return Status(Code::kInvalidArgument, fmt::format("there is no time zone '{}'", name))
      .WithHint(std::filesystem::is_directory(folder, ignored)
                    ? std::string("write UTC, local, or a name as Europe/Berlin")
                    : fmt::format("{} is missing (package tzdata); UTC works without it",
                                  folder.string()));
}

int64_t Within(int64_t seconds) {
  static const int64_t first = DaysOf(-kYearMax, 1, 1) * kDaySeconds;
  static const int64_t last = DaysOf(kYearMax + 1, 1, 1) * kDaySeconds - 1;
  return std::clamp(seconds, first, last);
}

int64_t FloorSeconds(int64_t wall_millis) {
  return Within(wall_millis / 1'000 - (wall_millis % 1'000 < 0 ? 1 : 0));
}

int64_t FloorTo(int64_t value, int64_t unit) {
  int64_t rest = value % unit;
  return value - (rest < 0 ? rest + unit : rest);
}

}  // namespace

TimeZone TimeZone::Utc() {
  return TimeZone("UTC", nullptr);
}

Result<TimeZone> TimeZone::FromFile(std::string name, ByteView content) {
  MB_ASSIGN_OR_RETURN(ZoneData data, ParseZoneFile(content));
  return TimeZone(std::move(name), std::make_shared<const ZoneData>(std::move(data)));
}

Result<TimeZone> TimeZone::FromRule(std::string_view rule) {
  ZoneData data;
  MB_ASSIGN_OR_RETURN(data.rule, ParseZoneRule(rule));
  data.has_rule = true;
  data.periods.push_back({});
  data.periods.back().offset = data.rule.standard;
  return TimeZone(std::string(rule), std::make_shared<const ZoneData>(std::move(data)));
}

Result<TimeZone> TimeZone::Local() {
  const char* variable = std::getenv("TZ");
  if (variable == nullptr) {
    Result<std::string> content = ReadZoneFile("/etc/localtime");
    if (!content.ok()) return Utc();
    return FromFile("local", AsBytes(*content));
  }
  std::string_view text = variable;
  if (text.starts_with(':')) text.remove_prefix(1);
  if (text.empty()) return Utc();  // as the C library has it
  if (text.starts_with('/')) {
    MB_ASSIGN_OR_RETURN(std::string content, ReadZoneFile(text));
    return FromFile(std::string(text), AsBytes(content));
  }
  if (text == "local") return NoZone(text);
  Result<TimeZone> named = Load(text);
  if (named.ok()) return named;
  Result<TimeZone> by_rule = FromRule(text);
  return by_rule.ok() ? by_rule : named;
}

Result<TimeZone> TimeZone::Load(std::string_view name) {
  if (name == "UTC" || name == "utc" || name == "Z") return Utc();
  if (name == "local") return Local();
  if (!IsZoneName(name)) return NoZone(name);
  Result<std::string> content = ReadZoneFile(ZoneFolder() / name);
  if (!content.ok()) return NoZone(name);
  Result<TimeZone> zone = FromFile(std::string(name), AsBytes(*content));
  if (!zone.ok()) return zone.status().WithContext(name);
  return zone;
}

int64_t TimeZone::OffsetAt(int64_t seconds) const {
  return data_ == nullptr ? 0 : data_->At(Within(seconds)).offset;
}

CivilTime TimeZone::At(int64_t wall_millis) const {
  using namespace std::chrono;  // NOLINT
  const int64_t instant = FloorSeconds(wall_millis);
  CivilTime out;
  out.utc_offset_seconds = static_cast<int>(OffsetAt(instant));
  const int64_t shown = instant + out.utc_offset_seconds;
  const int64_t day_count = FloorTo(shown, kDaySeconds) / kDaySeconds;
  const sys_days day_point{days(day_count)};
  const year_month_day date(day_point);
  out.year = static_cast<int>(date.year());
  out.month = static_cast<int>(static_cast<unsigned>(date.month()));
  out.day = static_cast<int>(static_cast<unsigned>(date.day()));
  out.weekday = static_cast<int>(weekday(day_point).iso_encoding());
  auto of_day = static_cast<int>(shown - day_count * kDaySeconds);
  out.hour = of_day / 3'600;
  out.minute = of_day / 60 % 60;
  out.second = of_day % 60;
  out.millis = static_cast<int>((wall_millis % 1'000 + 1'000) % 1'000);
  return out;
}

int64_t TimeZone::StartOfDay(int year, int month, int day) const {
  const int64_t shown = DaysOf(year, month, day) * kDaySeconds;
  if (data_ == nullptr) return shown * 1'000;
  // No offset has more than a day and a bit, and none ever held for less than four days: those of
  // two days before and after are the only candidates.
  const int32_t before = data_->At(shown - 2 * kDaySeconds).offset;
  const int32_t after = data_->At(shown + 2 * kDaySeconds).offset;
  const int64_t by_larger = shown - std::max(before, after);  // the earlier instant
  const int64_t by_smaller = shown - std::min(before, after);
  for (int64_t instant : {by_larger, by_smaller}) {
    if (instant + data_->At(instant).offset == shown) return instant * 1'000;
  }
  // Left out: the day begins with the change.
  return std::max(data_->At(by_smaller).since, by_larger) * 1'000;
}

int64_t TimeZone::StartOf(CalendarUnit unit, int64_t wall_millis) const {
  const CivilTime t = At(wall_millis);
  switch (unit) {
    case CalendarUnit::kHour: {
      const int64_t instant = FloorSeconds(wall_millis);
      const int64_t start = instant - t.minute * 60 - t.second;
      // An hour that a change of the clock cuts is two.
      return std::max(start, data_ == nullptr ? start : data_->At(instant).since) * 1'000;
    }
    case CalendarUnit::kDay:
      return StartOfDay(t.year, t.month, t.day);
    case CalendarUnit::kWeek:
      return StartOfDay(t.year, t.month, t.day - (t.weekday - 1));
    case CalendarUnit::kMonth:
      return StartOfDay(t.year, t.month, 1);
    case CalendarUnit::kYear:
      return StartOfDay(t.year, 1, 1);
  }
  return wall_millis;
}

int64_t TimeZone::StartOfNext(CalendarUnit unit, int64_t wall_millis) const {
  const CivilTime t = At(wall_millis);
  switch (unit) {
    case CalendarUnit::kHour: {
      const int64_t instant = FloorSeconds(wall_millis);
      const int64_t end = instant - t.minute * 60 - t.second + 3'600;
      if (data_ == nullptr) return end * 1'000;
      const ZonePeriod there = data_->At(end);
      // A change of the clock within the hour ends it.
      return (there.since > instant ? there.since : end) * 1'000;
    }
    case CalendarUnit::kDay:
      return StartOfDay(t.year, t.month, t.day + 1);
    case CalendarUnit::kWeek:
      return StartOfDay(t.year, t.month, t.day + 8 - t.weekday);
    case CalendarUnit::kMonth:
      return StartOfDay(t.year, t.month + 1, 1);
    case CalendarUnit::kYear:
      return StartOfDay(t.year + 1, 1, 1);
  }
  return wall_millis;
}

std::string FormatCivilTime(int64_t wall_millis, const TimeZone& zone) {
  const CivilTime t = zone.At(wall_millis);
  std::string out = fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", t.year, t.month, t.day,
                                t.hour, t.minute, t.second);
  if (zone.is_utc()) return out + "Z";
  const int minutes = std::abs(t.utc_offset_seconds) / 60;
  return out + fmt::format("{}{:02}:{:02}", t.utc_offset_seconds < 0 ? '-' : '+', minutes / 60,
                           minutes % 60);
}

}  // namespace maxbrod
