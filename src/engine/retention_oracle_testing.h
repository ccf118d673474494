// What a retention policy must keep, found in another way than engine/retention.cc does: sets of
// local dates as the C library tells them, instead of a walk with counters.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace maxbrod::engine {

// Sets TZ for the process while it lives. Not for several threads at once.
class LibcZone {
 public:
  explicit LibcZone(const std::string& zone);
  ~LibcZone();
  // strftime of the local time.
  static std::string Text(int64_t time_ms, const char* format);
};

struct OracleRule {
  const char* format;  // of strftime: the period; nullptr: each snapshot is one
  size_t count;
};

// Of snapshots by id, the ids that stay: of each rule's newest periods the newest snapshot, and the
// oldest of all while there are fewer periods than wanted. Needs a LibcZone.
std::set<std::string> OracleKeeps(const std::map<std::string, int64_t>& times,
                                  const std::vector<OracleRule>& rules);

}  // namespace maxbrod::engine
