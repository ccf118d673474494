#include "base/user_time.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <string>
#include <utility>

namespace maxbrod {
namespace {

constexpr size_t kEpochDigitsMin = 12;
constexpr size_t kEpochDigitsMax = 15;
constexpr size_t kFractionDigitsMax = 9;

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// Takes pieces of fixed form from the front of a text.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  // Exactly `digits` digits.
  bool Number(size_t digits, int* out) {
    if (rest_.size() < digits) return false;
    int value = 0;
    for (size_t i = 0; i < digits; ++i) {
      if (!IsDigit(rest_[i])) return false;
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(digits);
    *out = value;
    return true;
  }
  bool Char(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // ".5", ".250", ...: milliseconds; 0 when there is none. False when it is malformed.
  bool Fraction(int* millis) {
    *millis = 0;
    if (!Char('.')) return true;
    size_t digits = 0;
    for (int weight = 100; !rest_.empty() && IsDigit(rest_[0]); weight /= 10, ++digits) {
      *millis += (rest_[0] - '0') * weight;
      rest_.remove_prefix(1);
    }
    return digits > 0 && digits <= kFractionDigitsMax;
  }
  // "Z" or "+02:00": minutes east of UTC.
  bool Zone(int* minutes) {
    *minutes = 0;
    if (Char('Z')) return true;
    bool east = Char('+');
    if (!east && !Char('-')) return false;
    int hour = 0, minute = 0;
    if (!Number(2, &hour) || !Char(':') || !Number(2, &minute)) return false;
    if (hour > 23 || minute > 59) return false;
    *minutes = (east ? 1 : -1) * (hour * 60 + minute);
    return true;
  }
  bool AtEnd() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

Status NoTime(std::string_view text, std::string_view why) {
  return Status(Code::kInvalidArgument, fmt::format("'{}' is not a time: {}", text, why))
      .WithHint(
          "write e.g. 2026-11-20T10:00:00Z, 2026-11-20T12:00:00+02:00, or milliseconds "
          "since 1970");
}

}  // namespace

Result<int64_t> ParseUserTime(std::string_view text) {
  if (!text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos) {
    if (text.size() < kEpochDigitsMin) return NoTime(text, "too few digits for milliseconds");
    if (text.size() > kEpochDigitsMax) return NoTime(text, "too many digits for milliseconds");
    int64_t millis = 0;
    for (char c : text) millis = millis * 10 + (c - '0');
    return millis;
  }
  Scanner scan(text);
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, millis = 0, zone = 0;
  if (!scan.Number(4, &year) || !scan.Char('-') || !scan.Number(2, &month) || !scan.Char('-') ||
      !scan.Number(2, &day)) {
    return NoTime(text, "it begins with no date (year-month-day)");
  }
  if (!scan.Char('T') || !scan.Number(2, &hour) || !scan.Char(':') || !scan.Number(2, &minute) ||
      !scan.Char(':') || !scan.Number(2, &second) || !scan.Fraction(&millis)) {
    return NoTime(text, "a time of day (Thour:minute:second) does not follow the date");
  }
  if (scan.AtEnd()) return NoTime(text, "without a time zone (Z for UTC) it is ambiguous");
  if (!scan.Zone(&zone) || !scan.AtEnd()) {
    return NoTime(text, "it ends with no time zone (Z or +hour:minute)");
  }
  std::chrono::year_month_day date{std::chrono::year(year),
                                   std::chrono::month(static_cast<unsigned>(month)),
                                   std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return NoTime(text, "there is no such day");
  if (hour > 23 || minute > 59 || second > 59) return NoTime(text, "there is no such time of day");
  int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  int64_t seconds = days * 86'400 + hour * 3'600 + minute * 60 + second - int64_t{zone} * 60;
  if (seconds < 0) return NoTime(text, "it is before 1970");
  return seconds * 1'000 + millis;
}

Result<int64_t> ParseUserDuration(std::string_view text) {
  constexpr int64_t kLongest = int64_t{100} * 365 * 86'400'000;
  static constexpr std::pair<std::string_view, int64_t> kUnits[] = {
      {"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
  bool digits = error == std::errc() && !text.empty() && text[0] >= '0' && text[0] <= '9';
  for (const auto& [name, millis] : kUnits) {
    if (digits && unit == name && number <= kLongest / millis) return number * millis;
  }
  return Status(Code::kInvalidArgument, "'" + std::string(text) + "' is no length of time")
      .WithHint("a whole number and ms, s, m, h or d: 90s, 30m, 2h");
}

std::string FormatUserTime(int64_t wall_millis) {
  using namespace std::chrono;  // NOLINT
  sys_time<milliseconds> time{milliseconds(wall_millis)};
  auto day = floor<days>(time);
  year_month_day date(day);
  hh_mm_ss<milliseconds> clock(time - day);
  std::string out =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  if (clock.subseconds().count() != 0) out += fmt::format(".{:03}", clock.subseconds().count());
  return out + "Z";
}

}  // namespace maxbrod
