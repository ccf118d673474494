#include "os/time_zone.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>

#include "base/limits.h"
#include "os/file.h"

namespace maxbrod {
namespace {

constexpr size_t kZoneFileMax = kMiB;
constexpr size_t kHeaderBytes = 44;
constexpr int64_t kDaySeconds = 86400;
constexpr char kFolder[] = "/usr/share/zoneinfo";
constexpr char kLocalFile[] = "/etc/localtime";

Status Corrupt(const std::string& name, std::string_view what) {
  return Status(Code::kCorrupt, fmt::format("time zone '{}': {}", name, what));
}

// The counts of a TZif header, in the order of RFC 8536.
struct Counts {
  uint64_t utc_flags = 0, standard_flags = 0, leaps = 0, times = 0, types = 0, letters = 0;
  // Bytes of the data block behind the header.
  uint64_t Bytes(uint64_t time_bytes) const {
    return times * time_bytes + times + types * 6 + letters + leaps * (time_bytes + 4) +
           standard_flags + utc_flags;
  }
};

Result<Counts> ReadHeader(const std::string& name, ByteView file) {
  if (file.size() < kHeaderBytes || AsText(file.first(4)) != "TZif") {
    return Corrupt(name, "the file is no zone file");
  }
  const uint8_t* at = file.data() + 20;
  Counts counts;
  for (uint64_t* field : {&counts.utc_flags, &counts.standard_flags, &counts.leaps, &counts.times,
                          &counts.types, &counts.letters}) {
    *field = LoadBig<uint32_t>(at);
    at += 4;
  }
  return counts;
}

int64_t DaysFromCivil(int year, unsigned month, unsigned day) {
  using namespace std::chrono;
  return sys_days(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day))
      .time_since_epoch()
      .count();
}

int YearOf(int64_t seconds) {
  using namespace std::chrono;
  const year_month_day date(floor<days>(sys_seconds(std::chrono::seconds(seconds))));
  return static_cast<int>(date.year());
}

}  // namespace

int64_t TimeZone::YearRule::SecondsIn(int year) const {
  using namespace std::chrono;
  int64_t days_in = 0;
  if (form == Form::kMonthWeekDay) {
    const auto m = std::chrono::month(static_cast<unsigned>(month));
    const auto weekday = std::chrono::weekday(static_cast<unsigned>(day));
    const sys_days date =
        week == 5 ? sys_days(std::chrono::year(year) / m / weekday[last])
                  : sys_days(std::chrono::year(year) / m / weekday[static_cast<unsigned>(week)]);
    days_in = date.time_since_epoch().count();
  } else {
    const bool leap = std::chrono::year(year).is_leap();
    const int number = form == Form::kDay ? day : day - 1 + (leap && day >= 60 ? 1 : 0);
    days_in = DaysFromCivil(year, 1, 1) + number;
  }
  return days_in * kDaySeconds + time;
}

int64_t TimeZone::Rule::OffsetAt(int64_t seconds) const {
  if (!has_summer) return standard;
  const int year = YearOf(seconds + standard);
  const int64_t from = begin.SecondsIn(year) - standard;
  const int64_t to = end.SecondsIn(year) - summer;
  // South of the equator summer lies over the turn of the year.
  const bool in_summer =
      from < to ? seconds >= from && seconds < to : seconds >= from || seconds < to;
  return in_summer ? summer : standard;
}

// Takes a POSIX TZ rule apart.
struct TimeZone::RuleParser {
  std::string_view rest;

  bool Take(char c) {
    if (rest.empty() || rest[0] != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  bool Number(int max, int* out) {
    size_t digits = 0;
    int value = 0;
    while (digits < rest.size() && digits < 3 && rest[digits] >= '0' && rest[digits] <= '9') {
      value = value * 10 + (rest[digits++] - '0');
    }
    if (digits == 0 || value > max) return false;
    rest.remove_prefix(digits);
    *out = value;
    return true;
  }
  // "CET", "<+0330>".
  bool Name() {
    size_t length = 0;
    if (Take('<')) {
      length = rest.find('>');
      if (length == std::string_view::npos) return false;
      rest.remove_prefix(length + 1);
      return length > 0;
    }
    auto is_letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
    while (length < rest.size() && is_letter(rest[length])) ++length;
    rest.remove_prefix(length);
    return length >= 3;
  }
  // "[+-]hh[:mm[:ss]]".
  bool Seconds(int64_t* out) {
    const bool negative = Take('-');
    if (!negative) Take('+');
    int hours = 0, minutes = 0, seconds = 0;
    if (!Number(167, &hours)) return false;
    if (Take(':') && !Number(59, &minutes)) return false;
    if (Take(':') && !Number(59, &seconds)) return false;
    *out = (negative ? -1 : 1) * (int64_t{hours} * 3600 + minutes * 60 + seconds);
    return true;
  }
  bool Date(YearRule* out) {
    using Form = YearRule::Form;
    if (Take('M')) {
      out->form = Form::kMonthWeekDay;
      if (!Number(12, &out->month) || out->month < 1 || !Take('.')) return false;
      if (!Number(5, &out->week) || out->week < 1 || !Take('.') || !Number(6, &out->day)) {
        return false;
      }
    } else if (Take('J')) {
      out->form = Form::kJulian;
      if (!Number(365, &out->day) || out->day < 1) return false;
    } else {
      out->form = Form::kDay;
      if (!Number(365, &out->day)) return false;
    }
    return !Take('/') || Seconds(&out->time);
  }
  bool Parse(Rule* out) {
    out->given = true;
    if (!Name() || !Seconds(&out->standard)) return false;
    out->standard = -out->standard;
    if (rest.empty()) return true;
    out->has_summer = true;
    out->summer = out->standard + 3600;
    if (!Name()) return false;
    if (!rest.empty() && rest[0] != ',') {
      if (!Seconds(&out->summer)) return false;
      out->summer = -out->summer;
    }
    return Take(',') && Date(&out->begin) && Take(',') && Date(&out->end) && rest.empty();
  }
};

Result<TimeZone> TimeZone::FromRule(std::string_view rule) {
  TimeZone zone;
  zone.name_ = std::string(rule);
  RuleParser parser{rule};
  if (!parser.Parse(&zone.rule_)) {
    return Status(Code::kInvalidArgument, fmt::format("'{}' is no rule of a time zone", rule));
  }
  return zone;
}

Result<TimeZone> TimeZone::Parse(const std::string& name, ByteView file) {
  MB_ASSIGN_OR_RETURN(Counts counts, ReadHeader(name, file));
  uint64_t time_bytes = 4;
  if (file[4] >= '2') {  // the second part says the same with 64 bits
    const uint64_t skip = kHeaderBytes + counts.Bytes(time_bytes);
    if (skip > file.size()) return Corrupt(name, "the file is cut short");
    file = file.subspan(static_cast<size_t>(skip));
    MB_ASSIGN_OR_RETURN(counts, ReadHeader(name, file));
    time_bytes = 8;
  }
  file = file.subspan(kHeaderBytes);
  const uint64_t size = counts.Bytes(time_bytes);
  if (size > file.size() || counts.types == 0) return Corrupt(name, "the file is cut short");
  const uint8_t* times = file.data();
  const uint8_t* kinds = times + counts.times * time_bytes;
  const uint8_t* types = kinds + counts.times;
  auto offset_of = [&](uint64_t type) {
    return int64_t{static_cast<int32_t>(LoadBig<uint32_t>(types + type * 6))};
  };
  TimeZone zone;
  zone.name_ = name;
  zone.first_offset_ = offset_of(0);
  for (uint64_t i = 0; i < counts.times; ++i) {
    if (kinds[i] >= counts.types) return Corrupt(name, "a change to an offset that is not there");
    const uint8_t* at = times + i * time_bytes;
    const int64_t when = time_bytes == 8 ? static_cast<int64_t>(LoadBig<uint64_t>(at))
                                         : int64_t{static_cast<int32_t>(LoadBig<uint32_t>(at))};
    if (!zone.transitions_.empty() && when <= zone.transitions_.back().at) {
      return Corrupt(name, "changes that are not in order");
    }
    zone.transitions_.push_back({when, offset_of(kinds[i])});
  }
  std::string_view footer = AsText(file.subspan(static_cast<size_t>(size)));
  if (time_bytes == 8 && footer.size() > 2 && footer[0] == '\n') {
    footer = footer.substr(1, footer.find('\n', 1) - 1);
    RuleParser parser{footer};
    if (!parser.Parse(&zone.rule_)) return Corrupt(name, "its rule cannot be read");
  }
  return zone;
}

int64_t TimeZone::OffsetAt(int64_t seconds) const {
  auto next =
      std::upper_bound(transitions_.begin(), transitions_.end(), seconds,
                       [](int64_t at, const Transition& transition) { return at < transition.at; });
  if (next == transitions_.end() && rule_.given) return rule_.OffsetAt(seconds);
  return next == transitions_.begin() ? first_offset_ : std::prev(next)->offset;
}

Result<TimeZone> TimeZone::Load(const std::string& name) {
  if (name == "UTC") return Utc();
  std::string zone = name;
  std::string path;
  if (name == "local") {
    const char* tz = std::getenv("TZ");  // NOLINT(concurrency-mt-unsafe): nobody sets it
    zone = tz == nullptr ? "" : tz;
    if (tz != nullptr && zone.empty()) return Utc();
    if (zone.starts_with(':')) zone.erase(0, 1);
    if (zone == "UTC") return Utc();
    if (zone.empty()) path = kLocalFile;
    if (zone.starts_with('/')) path = zone;
    if (Result<TimeZone> rule = FromRule(zone); rule.ok() && path.empty()) return rule;
  }
  if (path.empty()) {
    if (zone.empty() || zone[0] == '/' || zone.find("..") != std::string::npos) {
      return Status(Code::kInvalidArgument, fmt::format("'{}' is no time zone", zone))
          .WithHint("write UTC, local, or a name such as Europe/Berlin");
    }
    const char* folder = std::getenv("TZDIR");  // NOLINT(concurrency-mt-unsafe)
    path = fmt::format("{}/{}", folder == nullptr ? kFolder : folder, zone);
  }
  Result<Bytes> file = ReadFile(FileSystem::Posix(), path, kZoneFileMax);
  if (!file.ok()) {
    if (path == kLocalFile) return Utc();
    return Status(Code::kNotFound, fmt::format("time zone '{}' is not known here: {}", zone,
                                               file.status().message()))
        .WithHint(
            "write UTC, local, or a name such as Europe/Berlin; zones come with the package "
            "'tzdata'");
  }
  return Parse(zone.empty() ? std::string("local") : zone, *file);
}

}  // namespace maxbrod
