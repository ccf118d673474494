// Which snapshots a retention policy keeps: pure arithmetic on times and tags, no I/O. What stays
// and what goes is told with reasons; nothing is removed here.
//
// restic's semantics, where it has them: within a group, from the newest snapshot back, each part
// keeps the newest one of so many periods that have any; while there are fewer periods than wanted,
// the oldest snapshot is kept as well; "within" counts from the newest snapshot of the group, so
// that backups that have stopped lose nothing more. Parts are united: one reason is enough to stay.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/time_zone.h"

namespace maxbrod::engine {

enum class Period : uint8_t { kEach, kHour, kDay, kWeek, kMonth, kYear };

// One part of a policy.
struct KeepRule {
  enum class Kind : uint8_t {
    kCount,   // the newest of each of the last `count` periods ("daily 31"; "last 3": kEach)
    kWithin,  // the newest of each period in the last `span_ms` ("within-hourly 2d"; "within":
              // kEach)
    kTag,     // whatever has the tag
  } kind = Kind::kCount;
  Period period = Period::kEach;
  uint64_t count = 0;  // kCountAll: all of them
  int64_t span_ms = 0;
  std::string tag;
  std::string Text() const;  // as in the policy: "daily 31"
};
inline constexpr uint64_t kCountAll = UINT64_MAX;

struct RetentionPolicy {
  std::vector<KeepRule> rules;
  // "last 3, hourly 24, daily 31, weekly 52, monthly 12, yearly 5, within 14d, within-daily 8w,
  // tag gold". Counts from 1, or "all" (not for "last"); spans in h, d, w or y (7 and 365 days).
  // kInvalidArgument, telling why, for what cannot be read and for what means nothing: no rule at
  // all, a count or span of 0, the same kind (or tag) twice.
  static Result<RetentionPolicy> Parse(std::string_view text);
  std::string Text() const;
};

struct RetentionSnapshot {
  std::string id;    // unique
  std::string name;  // for messages
  int64_t time_ms = 0;
  std::string cluster_id;
  std::vector<std::string> tags;
  bool held = false;
};

struct GroupBy {
  bool cluster = true;
  bool tags = false;
  // "cluster", "tags", "cluster,tags", "none". kInvalidArgument.
  static Result<GroupBy> Parse(std::string_view text);
};

struct RetentionDecision {
  const RetentionSnapshot* snapshot = nullptr;
  bool keep = false;
  std::vector<std::string>
      reasons;  // "daily 2026-11-28", "weekly 2026-W48", "tag gold", "held", ...
};

struct RetentionGroup {
  std::string cluster_id;                    // where groups are by cluster
  std::vector<std::string> tags;             // where groups are by tags, ascending
  std::vector<RetentionDecision> decisions;  // newest first
  std::string Text() const;                  // "cluster xyz, tags a b", or nothing
};

struct RetentionPlan {
  std::vector<RetentionGroup> groups;
  std::vector<std::string> warnings;  // snapshots of the future; rules that found nothing
};

// Decides about `snapshots`, which must outlive the plan. `now_ms` is the store's clock; snapshots
// more than five minutes ahead of it stay, are warned of, and do not count. Held ones stay and do
// not count either: a hold that comes or goes changes nothing about the others. Tagged ones count.
// kInvalidArgument where the policy would keep nothing of a group (held and future ones apart), and
// where it is made of nothing but spans that ended before the newest snapshot of a group.
Result<RetentionPlan> ApplyRetention(const RetentionPolicy& policy,
                                     const std::vector<RetentionSnapshot>& snapshots,
                                     const GroupBy& group_by, const TimeZone& zone, int64_t now_ms);

// The period that holds the time: "2026-11-28T14", "2026-11-28", "2026-W48" (ISO 8601), "2026-11",
// "2026". Of an hour that comes twice (clocks set back) the second is another one:
// "2026-10-25T02+01:00". kEach: empty.
std::string PeriodName(Period period, const TimeZone& zone, int64_t time_ms);

}  // namespace maxbrod::engine
