#include "aws/uri.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "base/bytes.h"

namespace maxbrod::aws {
namespace {

constexpr int64_t kDayMs = 86'400'000;
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

bool IsUnreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// All of `text` as a decimal number; nothing but digits.
template <typename T>
bool ParseNumber(std::string_view text, T* out) {
  if (text.empty() || text.front() == '-') return false;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

struct CalendarTime {
  int year = 0;
  unsigned month = 0, day = 0;  // 1 to 12, 1 to 31
  int64_t hour = 0, minute = 0, second = 0;
};

std::optional<int64_t> ToMillis(const CalendarTime& t) {
  std::chrono::year_month_day date{std::chrono::year(t.year), std::chrono::month(t.month),
                                   std::chrono::day(t.day)};
  // 60 is a leap second.
  if (!date.ok() || t.hour > 23 || t.minute > 59 || t.second > 60) return std::nullopt;
  int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return days * kDayMs + ((t.hour * 60 + t.minute) * 60 + t.second) * 1000;
}

// "08:49:37"
bool ParseClock(std::string_view text, CalendarTime* out) {
  return text.size() == 8 && text[2] == ':' && text[5] == ':' &&
         ParseNumber(text.substr(0, 2), &out->hour) &&
         ParseNumber(text.substr(3, 2), &out->minute) &&
         ParseNumber(text.substr(6, 2), &out->second);
}

Status BadUri(std::string_view what) {
  // The text itself may hold a password, so it is not shown.
  return Status(Code::kInvalidArgument, fmt::format("not a usable http(s) URL: {}", what));
}

}  // namespace

std::string Uri::Authority() const {
  bool own = port == 0 || port == (is_tls() ? 443 : 80);
  return own ? host : fmt::format("{}:{}", host, port);
}

Result<Uri> ParseUri(std::string_view text) {
  Uri uri;
  for (char c : text) {
    if (c <= 0x20 || c == 0x7f) return BadUri("it holds a blank or a byte that is not ASCII");
  }
  size_t colon = text.find("://");
  if (colon == std::string_view::npos) return BadUri("it must begin with http:// or https://");
  uri.scheme = std::string(text.substr(0, colon));
  std::ranges::transform(uri.scheme, uri.scheme.begin(), Lower);
  if (uri.scheme != "http" && uri.scheme != "https") {
    return BadUri("it must begin with http:// or https://");
  }
  std::string_view rest = text.substr(colon + 3);
  if (rest.find('#') != std::string_view::npos) return BadUri("it has a fragment ('#')");
  size_t end = rest.find_first_of("/?");
  std::string_view authority = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end);
  if (authority.find('@') != std::string_view::npos) {
    return BadUri("a user name or password in it is not accepted");
  }
  size_t port_at = authority.rfind(':');
  if (port_at != std::string_view::npos && authority.find(']', port_at) == std::string_view::npos) {
    if (!ParseNumber(authority.substr(port_at + 1), &uri.port) || uri.port == 0) {
      return BadUri("its port is no number from 1 to 65535");
    }
    authority = authority.substr(0, port_at);
  }
  uri.host = std::string(authority);
  std::ranges::transform(uri.host, uri.host.begin(), Lower);
  if (uri.host.empty() || uri.host.find_first_not_of(
                              "abcdefghijklmnopqrstuvwxyz0123456789-._[]:") != std::string::npos) {
    return BadUri("its host is missing or malformed");
  }
  if (uri.host.find(':') != std::string::npos && uri.host.front() != '[') {
    return BadUri("an IPv6 address stands in brackets");
  }
  size_t question = rest.find('?');
  uri.path = std::string(rest.substr(0, question));
  if (uri.path.empty()) uri.path = "/";
  if (question != std::string_view::npos) uri.query = std::string(rest.substr(question + 1));
  return uri;
}

std::string UriEncode(std::string_view text, bool keep_slash) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    if (IsUnreserved(c) || (c == '/' && keep_slash)) {
      out.push_back(c);
      continue;
    }
    auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

std::optional<std::string> UriDecode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    Bytes byte;
    if (text.size() - i < 3 || !FromHex(text.substr(i + 1, 2), &byte)) return std::nullopt;
    out.push_back(static_cast<char>(byte[0]));
    i += 2;
  }
  return out;
}

std::string FormatAmzDate(int64_t wall_millis) {
  auto time =
      std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(wall_millis));
  auto day = std::chrono::floor<std::chrono::days>(time);
  std::chrono::year_month_day date(day);
  auto seconds = std::chrono::floor<std::chrono::seconds>(time - day).count();
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     seconds / 3600, seconds / 60 % 60, seconds % 60);
}

std::optional<int64_t> ParseHttpDate(std::string_view text) {
  // "Sun, 06 Nov 1994 08:49:37 GMT"
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT") {
    return std::nullopt;
  }
  CalendarTime t;
  auto month = std::ranges::find(kMonths, text.substr(8, 3));
  if (month == kMonths.end() || !ParseNumber(text.substr(5, 2), &t.day) ||
      !ParseNumber(text.substr(12, 4), &t.year) || !ParseClock(text.substr(17, 8), &t)) {
    return std::nullopt;
  }
  t.month = static_cast<unsigned>(month - kMonths.begin()) + 1;
  return ToMillis(t);
}

std::optional<int64_t> ParseIsoDate(std::string_view text) {
  // "2009-10-12T17:50:30[.fraction]Z"
  CalendarTime t;
  if (text.size() < 20 || text.back() != 'Z' || text[4] != '-' || text[7] != '-' ||
      text[10] != 'T' || !ParseNumber(text.substr(0, 4), &t.year) ||
      !ParseNumber(text.substr(5, 2), &t.month) || !ParseNumber(text.substr(8, 2), &t.day) ||
      !ParseClock(text.substr(11, 8), &t)) {
    return std::nullopt;
  }
  std::string_view fraction = text.substr(19, text.size() - 20);
  int64_t millis = 0;
  if (!fraction.empty()) {
    if (fraction.front() != '.' || fraction.size() < 2 ||
        fraction.find_first_not_of("0123456789", 1) != std::string_view::npos) {
      return std::nullopt;
    }
    for (size_t i = 1; i <= 3; ++i) {
      millis = millis * 10 + (i < fraction.size() ? fraction[i] - '0' : 0);
    }
  }
  std::optional<int64_t> whole = ToMillis(t);
  if (!whole) return std::nullopt;
  return *whole + millis;
}

}  // namespace maxbrod::aws
