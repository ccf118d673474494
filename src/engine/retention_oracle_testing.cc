#include "engine/retention_oracle_testing.h"

#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>

namespace maxbrod::engine {

LibcZone::LibcZone(const std::string& zone) {
  setenv("TZ", zone.c_str(), 1);
  tzset();
}

LibcZone::~LibcZone() {
  unsetenv("TZ");
  tzset();
}

std::string LibcZone::Text(int64_t time_ms, const char* format) {
  const auto seconds = static_cast<time_t>(time_ms / 1000);
  struct tm local{};
  localtime_r(&seconds, &local);
  char text[64];
  return std::string(text, strftime(text, sizeof(text), format, &local));
}

std::set<std::string> OracleKeeps(const std::map<std::string, int64_t>& times,
                                  const std::vector<OracleRule>& rules) {
  std::set<std::pair<int64_t, std::string>> by_time;
  for (const auto& [id, time] : times) by_time.insert({time, id});
  std::set<std::string> keeps;
  if (by_time.empty()) return keeps;
  for (const OracleRule& rule : rules) {
    // The last one of a period overwrites those before it.
    std::map<std::string, std::string> newest_of;
    for (const auto& [time, id] : by_time) {
      newest_of[rule.format == nullptr ? std::to_string(time) + id
                                       : LibcZone::Text(time, rule.format)] = id;
    }
    size_t wanted = rule.count;
    for (auto it = newest_of.rbegin(); it != newest_of.rend() && wanted > 0; ++it, --wanted) {
      keeps.insert(it->second);
    }
    if (wanted > 0) keeps.insert(by_time.begin()->second);
  }
  return keeps;
}

}  // namespace maxbrod::engine
