#include "base/zone_data.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string>

namespace maxbrod {
namespace {

constexpr size_t kHeaderBytes = 44;
constexpr int32_t kOffsetSecondsMax = 25 * 3'600;  // RFC 8536: -25 h to 26 h

class RuleScanner {
 public:
  explicit RuleScanner(std::string_view text) : rest_(text) {}

  bool AtEnd() const { return rest_.empty(); }
  bool Char(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool Number(int max, int* out) {
    size_t digits = 0;
    int value = 0;
    while (digits < rest_.size() && digits < 4 && rest_[digits] >= '0' && rest_[digits] <= '9') {
      value = value * 10 + (rest_[digits++] - '0');
    }
    rest_.remove_prefix(digits);
    *out = value;
    return digits > 0 && value <= max;
  }
  // "CET" or "<+01>".
  bool Name() {
    bool quoted = Char('<');
    size_t length = 0;
    auto fits = [&](char c) {
      bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      return letter || (quoted && ((c >= '0' && c <= '9') || c == '+' || c == '-'));
    };
    while (length < rest_.size() && fits(rest_[length])) ++length;
    rest_.remove_prefix(length);
    return length >= 3 && (!quoted || Char('>'));
  }
  // "[+-]h[:m[:s]]": seconds.
  bool Time(int hours_max, int32_t* out) {
    int sign = Char('-') ? -1 : (Char('+'), 1);
    int hour = 0, minute = 0, second = 0;
    if (!Number(hours_max, &hour)) return false;
    if (Char(':') && (!Number(59, &minute) || (Char(':') && !Number(59, &second)))) return false;
    *out = sign * (hour * 3'600 + minute * 60 + second);
    return true;
  }
  bool Date(ZoneRuleDate* out) {
    if (Char('M')) {
      out->kind = ZoneRuleDate::Kind::kMonthWeekDay;
      if (!Number(12, &out->month) || out->month < 1 || !Char('.') || !Number(5, &out->week) ||
          out->week < 1 || !Char('.') || !Number(6, &out->day)) {
        return false;
      }
    } else if (Char('J')) {
      out->kind = ZoneRuleDate::Kind::kJulian;
      if (!Number(365, &out->day) || out->day < 1) return false;
    } else {
      out->kind = ZoneRuleDate::Kind::kDayOfYear;
      if (!Number(365, &out->day)) return false;
    }
    return !Char('/') || Time(167, &out->seconds);
  }

 private:
  std::string_view rest_;
};

bool ScanRule(std::string_view text, ZoneRule* rule) {
  RuleScanner scan(text);
  int32_t west = 0;
  if (!scan.Name() || !scan.Time(24, &west)) return false;
  rule->standard = -west;
  if (scan.AtEnd()) return true;
  rule->changes = true;
  rule->summer = rule->standard + 3'600;
  if (!scan.Name()) return false;
  bool comma = scan.Char(',');
  if (!comma && !scan.AtEnd()) {
    if (!scan.Time(24, &west)) return false;
    rule->summer = -west;
    comma = scan.Char(',');
    if (!comma && !scan.AtEnd()) return false;
  }
  // POSIX leaves open what holds without dates; like glibc: the rule of the United States.
  if (!comma) {
    RuleScanner usual("M3.2.0,M11.1.0");
    return usual.Date(&rule->begin) && usual.Char(',') && usual.Date(&rule->end);
  }
  return scan.Date(&rule->begin) && scan.Char(',') && scan.Date(&rule->end) && scan.AtEnd();
}

Status NoZoneFile(const char* why) {
  return Status(Code::kCorrupt, std::string("no time zone file: ") + why);
}

// The counts of a TZif header, in the order of the file.
struct Counts {
  uint32_t is_ut = 0, is_std = 0, leaps = 0, times = 0, types = 0, chars = 0;
  uint64_t BlockBytes(uint64_t time_bytes) const {
    return uint64_t{times} * (time_bytes + 1) + uint64_t{types} * 6 + chars +
           uint64_t{leaps} * (time_bytes + 4) + is_std + is_ut;
  }
};

Result<Counts> ReadHeader(ByteView bytes) {
  if (bytes.size() < kHeaderBytes || AsText(bytes.first(4)) != "TZif") return NoZoneFile("header");
  const uint8_t* p = bytes.data() + 20;
  auto next = [&p] {
    p += 4;
    return LoadBig<uint32_t>(p - 4);
  };
  Counts c;
  c.is_ut = next();
  c.is_std = next();
  c.leaps = next();
  c.times = next();
  c.types = next();
  c.chars = next();
  return c;
}

// `block` has exactly the bytes that `counts` asks for, with times of 8 bytes.
Status ReadBlock(const Counts& counts, ByteView block, ZoneData* data) {
  const uint8_t* times = block.data();
  const uint8_t* indexes = times + size_t{counts.times} * 8;
  const uint8_t* types = indexes + counts.times;
  auto offset_of = [&](size_t type, int32_t* out) {
    *out = LoadBig<int32_t>(types + type * 6);
    return *out >= -kOffsetSecondsMax && *out <= kOffsetSecondsMax + 3'600;
  };
  ZonePeriod period;
  if (!offset_of(0, &period.offset)) return NoZoneFile("an offset");
  data->periods.push_back(period);
  for (size_t i = 0; i < counts.times; ++i) {
    period.since = LoadBig<int64_t>(times + i * 8);
    if (i > 0 && period.since <= data->periods.back().since) return NoZoneFile("order of times");
    if (indexes[i] >= counts.types || !offset_of(indexes[i], &period.offset)) {
      return NoZoneFile("an offset");
    }
    data->periods.push_back(period);
  }
  return Status::Ok();
}

}  // namespace

int64_t DaysOf(int64_t year, int64_t month, int64_t day) {
  // Whole years are taken out of the month; the day needs no care, for days are only added.
  int64_t months = year * 12 + (month - 1);
  int64_t y = months >= 0 ? months / 12 : (months - 11) / 12;
  auto m = static_cast<unsigned>(months - y * 12) + 1;
  std::chrono::year_month_day first{std::chrono::year(static_cast<int>(y)), std::chrono::month(m),
                                    std::chrono::day(1)};
  return std::chrono::sys_days(first).time_since_epoch().count() + day - 1;
}

int64_t ZoneRuleDate::DayIn(int64_t year) const {
  if (kind == Kind::kDayOfYear) return DaysOf(year, 1, 1) + day;
  if (kind == Kind::kJulian) {
    bool leap = DaysOf(year, 3, 1) - DaysOf(year, 2, 1) == 29;
    return DaysOf(year, 1, 1) + day - 1 + (leap && day >= 60 ? 1 : 0);
  }
  int64_t first = DaysOf(year, month, 1);
  int64_t weekday = ((first + 4) % 7 + 7) % 7;  // 1970-01-01 was a Thursday; 0 is Sunday
  int64_t at = first + (day - weekday + 7) % 7 + int64_t{week - 1} * 7;
  while (at >= DaysOf(year, month + 1, 1)) at -= 7;  // week 5: the last one
  return at;
}

ZonePeriod ZoneRule::At(int64_t seconds) const {
  ZonePeriod found;
  found.offset = standard;
  if (!changes) return found;
  using namespace std::chrono;  // NOLINT
  year_month_day date(floor<days>(sys_seconds(std::chrono::seconds(seconds))));
  auto year = static_cast<int64_t>(static_cast<int>(date.year()));
  std::array<ZonePeriod, 6> all;
  size_t count = 0;
  for (int64_t y = year - 1; y <= year + 1; ++y) {
    ZonePeriod to_summer{begin.DayIn(y) * kDaySeconds + begin.seconds - standard, summer};
    ZonePeriod to_standard{end.DayIn(y) * kDaySeconds + end.seconds - summer, standard};
    bool north = to_summer.since < to_standard.since;
    all[count++] = north ? to_summer : to_standard;
    all[count++] = north ? to_standard : to_summer;
  }
  // Where summer time never ends, its end and its next begin coincide: the later one counts.
  for (const ZonePeriod& period : all) {
    if (period.since <= seconds) found = period;
  }
  return found;
}

Result<ZoneRule> ParseZoneRule(std::string_view text) {
  ZoneRule rule;
  if (ScanRule(text, &rule)) return rule;
  return Status(Code::kInvalidArgument, "'" + std::string(text) + "' is no rule of a time zone");
}

ZonePeriod ZoneData::At(int64_t seconds) const {
  auto after = std::upper_bound(
      periods.begin(), periods.end(), seconds,
      [](int64_t value, const ZonePeriod& period) { return value < period.since; });
  // The first period holds since ever, so there is one before.
  ZonePeriod last = *std::prev(after);
  if (after != periods.end() || !has_rule) return last;
  ZonePeriod by_rule = rule.At(seconds);
  by_rule.since = std::max(by_rule.since, last.since);
  return by_rule;
}

Result<ZoneData> ParseZoneFile(ByteView content) {
  MB_ASSIGN_OR_RETURN(Counts old, ReadHeader(content));
  // Version 1 has times of 4 bytes, which end in 2038; every file since 2006 is of a later one.
  if (content[4] < '2') return NoZoneFile("version");
  ByteView rest = content.subspan(kHeaderBytes);
  if (old.BlockBytes(4) > rest.size()) return NoZoneFile("length");
  rest = rest.subspan(old.BlockBytes(4));
  MB_ASSIGN_OR_RETURN(Counts counts, ReadHeader(rest));
  rest = rest.subspan(kHeaderBytes);
  if (counts.BlockBytes(8) > rest.size() || counts.types == 0) return NoZoneFile("length");
  if (counts.leaps > 0) {
    return Status(Code::kUnsupported, "the time zone counts leap seconds")
        .WithHint("take the zone of the same name without 'right/'");
  }
  ZoneData data;
  MB_RETURN_IF_ERROR(ReadBlock(counts, rest.first(counts.BlockBytes(8)), &data));
  std::string_view footer = AsText(rest.subspan(counts.BlockBytes(8)));
  if (footer.size() < 2 || footer.front() != '\n' || footer.find('\n', 1) == footer.npos) {
    return NoZoneFile("footer");
  }
  std::string_view rule = footer.substr(1, footer.find('\n', 1) - 1);
  if (rule.empty()) return data;
  if (!ScanRule(rule, &data.rule)) return NoZoneFile("rule");
  data.has_rule = true;
  return data;
}

}  // namespace maxbrod
