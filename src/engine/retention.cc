#include "engine/retention.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <set>
#include <tuple>

#include "base/user_time.h"

namespace maxbrod::engine {
namespace {

constexpr int64_t kFutureMs = 300'000;
constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;
constexpr uint64_t kCountMax = 1'000'000;
constexpr char kGrammar[] =
    "write e.g. --keep 'last 3, hourly 24, daily 31, weekly 52, monthly 12, yearly 5, within 14d, "
    "tag gold'";

struct Word {
  std::string_view name;
  KeepRule::Kind kind;
  Period period;
};
constexpr Word kWords[] = {
    {"last", KeepRule::Kind::kCount, Period::kEach},
    {"hourly", KeepRule::Kind::kCount, Period::kHour},
    {"daily", KeepRule::Kind::kCount, Period::kDay},
    {"weekly", KeepRule::Kind::kCount, Period::kWeek},
    {"monthly", KeepRule::Kind::kCount, Period::kMonth},
    {"yearly", KeepRule::Kind::kCount, Period::kYear},
    {"within", KeepRule::Kind::kWithin, Period::kEach},
    {"within-hourly", KeepRule::Kind::kWithin, Period::kHour},
    {"within-daily", KeepRule::Kind::kWithin, Period::kDay},
    {"within-weekly", KeepRule::Kind::kWithin, Period::kWeek},
    {"within-monthly", KeepRule::Kind::kWithin, Period::kMonth},
    {"within-yearly", KeepRule::Kind::kWithin, Period::kYear},
    {"tag", KeepRule::Kind::kTag, Period::kEach},
};

Status Refused(std::string message) {
  return Status(Code::kInvalidArgument, std::move(message)).WithHint(kGrammar);
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\n";
  const size_t from = text.find_first_not_of(kBlank);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(kBlank) - from + 1);
}

std::string_view NameOf(const KeepRule& rule) {
  for (const Word& word : kWords) {
    if (word.kind == rule.kind && word.period == rule.period) return word.name;
  }
  return "";
}

std::string SpanText(int64_t span_ms) {
  return span_ms % kDayMs == 0 ? fmt::format("{}d", span_ms / kDayMs)
                               : fmt::format("{}h", span_ms / kHourMs);
}

// "36h", "14d", "8w", "1y".
Result<int64_t> ParseSpan(std::string_view part, std::string_view text) {
  uint64_t count = 0;
  const char* end = text.data() + text.size();
  auto [at, error] = std::from_chars(text.data(), end, count);
  int64_t unit = 0;
  if (error == std::errc() && at + 1 == end) {
    unit = *at == 'h'   ? kHourMs
           : *at == 'd' ? kDayMs
           : *at == 'w' ? 7 * kDayMs
           : *at == 'y' ? 365 * kDayMs
                        : 0;
  }
  if (unit == 0 || count > kCountMax) {
    return Refused(
        fmt::format("'{}': '{}' is no span of time such as 36h, 14d, 8w or 1y", part, text));
  }
  if (count == 0) return Refused(fmt::format("'{}' means nothing: no time is within 0", part));
  return static_cast<int64_t>(count) * unit;
}

Result<uint64_t> ParseCount(std::string_view part, std::string_view text, bool may_be_all) {
  if (text == "all") {
    if (may_be_all) return kCountAll;
    return Refused("'last all' means nothing: it keeps everything");
  }
  uint64_t count = 0;
  const char* end = text.data() + text.size();
  auto [at, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc() || at != end || count > kCountMax) {
    return Refused(fmt::format("'{}': '{}' is no number of snapshots", part, text));
  }
  if (count == 0) {
    return Refused(fmt::format("'{}' means nothing: leave it out to keep none by it", part));
  }
  return count;
}

Result<KeepRule> ParseRule(std::string_view part) {
  if (part.empty()) return Refused("an empty part in the policy: two commas, or one at the end");
  const size_t space = part.find_first_of(" =\t");
  const std::string_view name = part.substr(0, space);
  const std::string_view value =
      space == std::string_view::npos ? std::string_view() : Trim(part.substr(space + 1));
  for (const Word& word : kWords) {
    if (word.name != name) continue;
    KeepRule rule{word.kind, word.period, 0, 0, {}};
    if (value.empty())
      return Refused(fmt::format("'{}' does not say how many, how long or which", part));
    if (word.kind == KeepRule::Kind::kTag) {
      rule.tag = std::string(value);
    } else if (word.kind == KeepRule::Kind::kWithin) {
      MB_ASSIGN_OR_RETURN(rule.span_ms, ParseSpan(part, value));
    } else {
      MB_ASSIGN_OR_RETURN(rule.count, ParseCount(part, value, word.period != Period::kEach));
    }
    return rule;
  }
  return Refused(fmt::format("'{}': '{}' is not known in a policy", part, name));
}

struct LocalTime {
  std::chrono::year_month_day date;
  std::chrono::sys_days day;
  int64_t hour = 0;
  int64_t offset = 0;  // seconds east of UTC
};

LocalTime LocalOf(const TimeZone& zone, int64_t time_ms) {
  using namespace std::chrono;
  LocalTime out;
  const auto utc = floor<seconds>(sys_time<milliseconds>(milliseconds(time_ms)));
  out.offset = zone.At(time_ms).utc_offset_seconds;
  const auto local = utc + seconds(out.offset);
  out.day = floor<days>(local);
  out.date = year_month_day(out.day);
  out.hour = duration_cast<hours>(local - out.day).count();
  return out;
}

std::string WeekName(std::chrono::sys_days day) {
  using namespace std::chrono;
  // The week belongs to the year of its Thursday.
  const sys_days monday = day - (weekday(day) - Monday);
  const sys_days thursday = monday + days(3);
  const year_month_day date(thursday);
  const auto number = (thursday - sys_days(date.year() / January / 1)).count() / 7 + 1;
  return fmt::format("{:04}-W{:02}", static_cast<int>(date.year()), number);
}

// Whether the clock showed this hour before, with another offset: set back since.
bool IsSecondHour(const TimeZone& zone, int64_t time_ms, int64_t offset) {
  const int64_t seconds = time_ms / 1000;
  const int64_t before = zone.At((seconds - 3600) * 1000).utc_offset_seconds;
  return before > offset && (seconds + offset) / 3600 <= (seconds - 3600 + before) / 3600;
}

std::string OffsetText(int64_t seconds) {
  const int64_t minutes = (seconds < 0 ? -seconds : seconds) / 60;
  return fmt::format("{}{:02}:{:02}", seconds < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

// Applies the rules to one group's snapshots that count, newest first.
class GroupRules {
 public:
  GroupRules(const RetentionPolicy& policy, const TimeZone& zone,
             const std::vector<RetentionDecision*>& counted)
      : policy_(policy), zone_(zone), counted_(counted) {}

  void Run() {
    for (const KeepRule& rule : policy_.rules) {
      switch (rule.kind) {
        case KeepRule::Kind::kCount:
          Count(rule);
          break;
        case KeepRule::Kind::kWithin:
          Within(rule);
          break;
        case KeepRule::Kind::kTag:
          Tag(rule);
          break;
      }
    }
  }

 private:
  static void Keep(RetentionDecision* decision, std::string reason) {
    decision->keep = true;
    decision->reasons.push_back(std::move(reason));
  }
  void Count(const KeepRule& rule) {
    uint64_t left = rule.count;
    std::string last;
    for (size_t i = 0; i < counted_.size() && left > 0; ++i) {
      RetentionDecision* decision = counted_[i];
      const std::string period = PeriodName(rule.period, zone_, decision->snapshot->time_ms);
      const bool next = rule.period == Period::kEach || i == 0 || period != last;
      const bool oldest = i + 1 == counted_.size();
      if (!next && !oldest) continue;
      if (rule.period == Period::kEach) {
        Keep(decision, fmt::format("last {}", i + 1));
      } else {
        Keep(decision, fmt::format("{} {}{}", NameOf(rule), period, next ? "" : " (oldest)"));
      }
      last = period;
      if (left != kCountAll) --left;
    }
  }
  void Within(const KeepRule& rule) {
    if (counted_.empty()) return;
    const int64_t from = counted_.front()->snapshot->time_ms - rule.span_ms;
    std::string last;
    for (size_t i = 0; i < counted_.size(); ++i) {
      RetentionDecision* decision = counted_[i];
      if (decision->snapshot->time_ms <= from) break;
      const std::string period = PeriodName(rule.period, zone_, decision->snapshot->time_ms);
      if (rule.period != Period::kEach && i > 0 && period == last) continue;
      last = period;
      Keep(decision, rule.Text() + (period.empty() ? "" : ": " + period));
    }
  }
  void Tag(const KeepRule& rule) {
    for (RetentionDecision* decision : counted_) {
      const std::vector<std::string>& tags = decision->snapshot->tags;
      if (std::find(tags.begin(), tags.end(), rule.tag) == tags.end()) continue;
      Keep(decision, rule.Text());
    }
  }

  const RetentionPolicy& policy_;
  const TimeZone& zone_;
  const std::vector<RetentionDecision*>& counted_;
};

std::vector<RetentionGroup> Divide(const std::vector<RetentionSnapshot>& snapshots,
                                   const GroupBy& by) {
  std::map<std::pair<std::string, std::set<std::string>>, RetentionGroup> groups;
  for (const RetentionSnapshot& snapshot : snapshots) {
    std::pair<std::string, std::set<std::string>> key;
    if (by.cluster) key.first = snapshot.cluster_id;
    if (by.tags) key.second.insert(snapshot.tags.begin(), snapshot.tags.end());
    RetentionGroup& group = groups[key];
    group.cluster_id = key.first;
    group.tags.assign(key.second.begin(), key.second.end());
    group.decisions.push_back({&snapshot, false, {}});
  }
  std::vector<RetentionGroup> out;
  for (auto& [key, group] : groups) {
    std::stable_sort(group.decisions.begin(), group.decisions.end(),
                     [](const RetentionDecision& a, const RetentionDecision& b) {
                       return std::tuple(b.snapshot->time_ms, b.snapshot->id) <
                              std::tuple(a.snapshot->time_ms, a.snapshot->id);
                     });
    out.push_back(std::move(group));
  }
  return out;
}

// Spans that ended before the newest snapshot was taken: whoever wrote them meant the days before
// today, and there are none.
Status CheckSpans(const RetentionPolicy& policy, const RetentionGroup& group, int64_t newest_ms,
                  int64_t now_ms, std::vector<std::string>* warnings) {
  bool only = true;
  const KeepRule* stale = nullptr;
  for (const KeepRule& rule : policy.rules) {
    if (rule.kind == KeepRule::Kind::kWithin && newest_ms + rule.span_ms <= now_ms) {
      stale = &rule;
    } else {
      only = false;
    }
  }
  if (stale == nullptr) return Status::Ok();
  const std::string where = group.Text().empty() ? "" : " of " + group.Text();
  std::string what = fmt::format("'{}' is shorter than the time since the newest snapshot{} ({})",
                                 stale->Text(), where, FormatUserTime(newest_ms));
  if (only) {
    return Status(Code::kInvalidArgument, what + ": nothing was taken in it")
        .WithHint("see why no backup was taken since; or keep by number too, e.g. 'last 7'");
  }
  warnings->push_back(what + ": it counts from that snapshot");
  return Status::Ok();
}

Status DecideGroup(const RetentionPolicy& policy, const TimeZone& zone, int64_t now_ms,
                   RetentionGroup* group, std::vector<std::string>* warnings) {
  std::vector<RetentionDecision*> counted;
  for (RetentionDecision& decision : group->decisions) {
    const bool future = decision.snapshot->time_ms > now_ms + kFutureMs;
    decision.keep = future || decision.snapshot->held;
    if (decision.snapshot->held) decision.reasons.emplace_back("held");
    if (future) {
      decision.reasons.emplace_back("in the future");
      warnings->push_back(
          fmt::format("snapshot '{}' is of {}, in the future: a clock was wrong; it is kept",
                      decision.snapshot->name, FormatUserTime(decision.snapshot->time_ms)));
    }
    if (!decision.keep) counted.push_back(&decision);
  }
  if (counted.empty()) return Status::Ok();
  MB_RETURN_IF_ERROR(
      CheckSpans(policy, *group, counted.front()->snapshot->time_ms, now_ms, warnings));
  GroupRules(policy, zone, counted).Run();
  const bool any = std::any_of(counted.begin(), counted.end(),
                               [](const RetentionDecision* decision) { return decision->keep; });
  if (any) return Status::Ok();
  const std::string where = group->Text().empty() ? "" : " of " + group->Text();
  return Status(Code::kInvalidArgument,
                fmt::format("the policy '{}' would keep none of the {} snapshots{}", policy.Text(),
                            counted.size(), where))
      .WithHint("a policy never removes the last ones: add e.g. 'last 1', or forget them by name");
}

}  // namespace

std::string KeepRule::Text() const {
  std::string name(NameOf(*this));
  if (kind == Kind::kTag) return name + " " + tag;
  if (kind == Kind::kWithin) return name + " " + SpanText(span_ms);
  return name + " " + (count == kCountAll ? std::string("all") : std::to_string(count));
}

std::string RetentionPolicy::Text() const {
  std::vector<std::string> parts;
  for (const KeepRule& rule : rules) parts.push_back(rule.Text());
  return fmt::format("{}", fmt::join(parts, ", "));
}

Result<RetentionPolicy> RetentionPolicy::Parse(std::string_view text) {
  RetentionPolicy policy;
  if (Trim(text).empty()) return Refused("the policy is empty: it would keep nothing");
  std::set<std::pair<std::string_view, std::string>> seen;
  while (true) {
    const size_t comma = text.find(',');
    MB_ASSIGN_OR_RETURN(KeepRule rule, ParseRule(Trim(text.substr(0, comma))));
    if (!seen.emplace(NameOf(rule), rule.tag).second) {
      return Refused(fmt::format("'{}' stands twice in the policy: which one is meant?",
                                 rule.tag.empty() ? std::string(NameOf(rule)) : rule.Text()));
    }
    policy.rules.push_back(std::move(rule));
    if (comma == std::string_view::npos) return policy;
    text.remove_prefix(comma + 1);
  }
}

Result<GroupBy> GroupBy::Parse(std::string_view text) {
  GroupBy by{false, false};
  if (text == "none") return by;
  while (true) {
    const size_t comma = text.find(',');
    const std::string_view part = Trim(text.substr(0, comma));
    if (part != "cluster" && part != "tags") {
      return Status(Code::kInvalidArgument, fmt::format("snapshots are not grouped by '{}'", part))
          .WithHint("--group-by cluster, tags, cluster,tags or none");
    }
    (part == "tags" ? by.tags : by.cluster) = true;
    if (comma == std::string_view::npos) return by;
    text.remove_prefix(comma + 1);
  }
}

std::string RetentionGroup::Text() const {
  std::string text = cluster_id.empty() ? "" : "cluster " + cluster_id;
  if (!tags.empty()) {
    text += fmt::format("{}tags {}", text.empty() ? "" : ", ", fmt::join(tags, " "));
  }
  return text;
}

std::string PeriodName(Period period, const TimeZone& zone, int64_t time_ms) {
  if (period == Period::kEach) return "";
  const LocalTime local = LocalOf(zone, time_ms);
  const int year = static_cast<int>(local.date.year());
  const unsigned month = static_cast<unsigned>(local.date.month());
  const unsigned day = static_cast<unsigned>(local.date.day());
  switch (period) {
    case Period::kHour:
      return fmt::format("{:04}-{:02}-{:02}T{:02}{}", year, month, day, local.hour,
                         IsSecondHour(zone, time_ms, local.offset) ? OffsetText(local.offset) : "");
    case Period::kDay:
      return fmt::format("{:04}-{:02}-{:02}", year, month, day);
    case Period::kWeek:
      return WeekName(local.day);
    case Period::kMonth:
      return fmt::format("{:04}-{:02}", year, month);
    case Period::kYear:
    case Period::kEach:
      break;
  }
  return fmt::format("{:04}", year);
}

Result<RetentionPlan> ApplyRetention(const RetentionPolicy& policy,
                                     const std::vector<RetentionSnapshot>& snapshots,
                                     const GroupBy& group_by, const TimeZone& zone,
                                     int64_t now_ms) {
  if (policy.rules.empty()) return Refused("the policy is empty: it would keep nothing");
  RetentionPlan plan;
  plan.groups = Divide(snapshots, group_by);
  for (const KeepRule& rule : policy.rules) {
    if (rule.kind != KeepRule::Kind::kTag) continue;
    const bool found =
        std::any_of(snapshots.begin(), snapshots.end(), [&](const RetentionSnapshot& snapshot) {
          return std::find(snapshot.tags.begin(), snapshot.tags.end(), rule.tag) !=
                 snapshot.tags.end();
        });
    if (!found) plan.warnings.push_back(fmt::format("no snapshot has the tag '{}'", rule.tag));
  }
  for (RetentionGroup& group : plan.groups) {
    MB_RETURN_IF_ERROR(DecideGroup(policy, zone, now_ms, &group, &plan.warnings));
  }
  return plan;
}

}  // namespace maxbrod::engine
