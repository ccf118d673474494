#include "store/bucket_lifecycle.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/hash.h"

namespace maxbrod::store {
namespace {

// Smaller ones cost more in the requests that move them than they save.
constexpr uint64_t kColdBytesMin = uint64_t{128} << 10;
constexpr size_t kIdHashDigits = 8;
constexpr std::string_view kPackFolder = "pack/";

std::string KeyPrefix(const std::string& prefix) {
  return prefix.empty() ? "" : prefix + "/";
}

// One per repository: several may share a bucket. (An id has at most 255 characters, a prefix may
// be longer.)
std::string RuleId(RuleKind kind, const std::string& prefix) {
  const Sha256Digest digest = Sha256(AsBytes(prefix));
  return fmt::format("{}{}-{}", kOurRulePrefix, ToHex(digest).substr(0, kIdHashDigits),
                     SettingOf(kind));
}

std::vector<aws::LifecycleRule> Parsed(const std::vector<aws::XmlElement>& rules) {
  std::vector<aws::LifecycleRule> parsed;
  for (const aws::XmlElement& rule : rules) parsed.push_back(aws::ParseLifecycleRule(rule));
  return parsed;
}

// Whether the rule holds for all objects below `key_prefix`.
bool HoldsForAll(const aws::LifecycleRule& rule, std::string_view key_prefix) {
  return rule.enabled && !rule.by_tag && key_prefix.starts_with(rule.prefix);
}

// Of the kind, what the rule does: the days, and the class where there is one.
std::optional<aws::LifecycleRule::Transition> EffectOf(RuleKind kind,
                                                       const aws::LifecycleRule& rule) {
  switch (kind) {
    case RuleKind::kColdPacks:
      if (rule.transitions.empty()) return std::nullopt;
      return *std::min_element(rule.transitions.begin(), rule.transitions.end(),
                               [](const auto& a, const auto& b) { return a.days < b.days; });
    case RuleKind::kOldVersions:
      if (rule.noncurrent_days > 0) return aws::LifecycleRule::Transition{rule.noncurrent_days, ""};
      return std::nullopt;
    case RuleKind::kAbortUploads:
      if (rule.abort_days > 0) return aws::LifecycleRule::Transition{rule.abort_days, ""};
      return std::nullopt;
  }
  return std::nullopt;
}

std::string ScopeOf(RuleKind kind, const std::string& prefix) {
  return KeyPrefix(prefix) + std::string(kind == RuleKind::kColdPacks ? kPackFolder : "");
}

}  // namespace

std::string DaysText(int days) {
  return fmt::format("{} day{}", days, days == 1 ? "" : "s");
}

bool IsArchive(std::string_view storage_class) {
  return storage_class == "GLACIER" || storage_class == "DEEP_ARCHIVE";
}

int DaysBilledOf(std::string_view storage_class) {
  if (storage_class == "DEEP_ARCHIVE") return 180;
  if (storage_class.starts_with("GLACIER")) return 90;
  return storage_class.ends_with("_IA") ? 30 : 0;
}

std::string_view SettingOf(RuleKind kind) {
  switch (kind) {
    case RuleKind::kColdPacks:
      return "cold-packs";
    case RuleKind::kOldVersions:
      return "old-versions";
    default:
      return "abort-uploads";
  }
}

std::string_view WhyOf(RuleKind kind) {
  switch (kind) {
    case RuleKind::kColdPacks:
      return "packs are most of the bytes and are read by restores only; log, manifests, "
             "snapshots, keys and l0 stay where every run can read them";
    case RuleKind::kOldVersions:
      return "so long can be undone what an intruder or a mistake deleted; without an end, what "
             "was "
             "removed is paid for for ever";
    default:
      return "what killed runs leave is not seen in listings, and paid for";
  }
}

int WishOf(RuleKind kind, const BucketWishes& wishes) {
  switch (kind) {
    case RuleKind::kColdPacks:
      return wishes.cold_days;
    case RuleKind::kOldVersions:
      return wishes.old_versions_days;
    default:
      return wishes.abort_uploads_days;
  }
}

std::optional<aws::LifecycleRule> WantedRule(RuleKind kind, const BucketWishes& wishes,
                                             const std::string& prefix) {
  const int days = WishOf(kind, wishes);
  if (days <= 0) return std::nullopt;
  aws::LifecycleRule rule;
  rule.id = RuleId(kind, prefix);
  rule.prefix = ScopeOf(kind, prefix);
  switch (kind) {
    case RuleKind::kColdPacks:
      rule.size_greater_than = kColdBytesMin - 1;
      rule.transitions = {{days, wishes.cold_class}};
      break;
    case RuleKind::kOldVersions:
      rule.noncurrent_days = days;
      rule.removes_delete_markers = true;
      break;
    case RuleKind::kAbortUploads:
      rule.abort_days = days;
      break;
  }
  return rule;
}

bool IsCovered(RuleKind kind, const std::vector<aws::XmlElement>& rules,
               const aws::LifecycleRule& wanted) {
  const auto wish = EffectOf(kind, wanted);
  for (const aws::LifecycleRule& rule : Parsed(rules)) {
    if (!HoldsForAll(rule, wanted.prefix)) continue;
    const auto effect = EffectOf(kind, rule);
    if (!effect || effect->storage_class != wish->storage_class) continue;
    // (Without a bound of its own S3 moves nothing below 128 KiB either.)
    if (rule.size_greater_than > wanted.size_greater_than) continue;
    // One of ours with other values is to be changed; another's may do as well.
    if (rule.id == wanted.id ? effect->days == wish->days : effect->days <= wish->days) return true;
  }
  return false;
}

bool HasOurRule(RuleKind kind, const std::vector<aws::XmlElement>& rules,
                const std::string& prefix) {
  const std::string id = RuleId(kind, prefix);
  return std::any_of(rules.begin(), rules.end(),
                     [&](const aws::XmlElement& rule) { return rule.Text("ID") == id; });
}

std::string DescribeRule(RuleKind kind, const aws::LifecycleRule& rule) {
  const auto effect = EffectOf(kind, rule);
  if (!effect) return "never";
  if (kind == RuleKind::kColdPacks) {
    return fmt::format("to {} after {}", effect->storage_class, DaysText(effect->days));
  }
  return "removed after " + DaysText(effect->days);
}

std::string DescribeRules(RuleKind kind, const std::vector<aws::XmlElement>& rules,
                          const std::string& prefix) {
  const aws::LifecycleRule* first = nullptr;
  const std::vector<aws::LifecycleRule> parsed = Parsed(rules);
  for (const aws::LifecycleRule& rule : parsed) {
    const auto effect = EffectOf(kind, rule);
    if (!effect || !HoldsForAll(rule, ScopeOf(kind, prefix))) continue;
    if (first == nullptr || effect->days < EffectOf(kind, *first)->days) first = &rule;
  }
  return first == nullptr ? "never" : DescribeRule(kind, *first);
}

std::vector<std::string> HazardsOf(const std::vector<aws::XmlElement>& rules,
                                   const std::string& prefix) {
  const std::string ours = KeyPrefix(prefix);
  const std::string packs = ours + std::string(kPackFolder);
  std::vector<std::string> hazards;
  for (const aws::LifecycleRule& rule : Parsed(rules)) {
    bool touches = rule.prefix.starts_with(ours) || ours.starts_with(rule.prefix);
    // Our objects have no tags.
    if (!rule.enabled || rule.by_tag || !touches) continue;
    if (rule.expires) {
      hazards.push_back(fmt::format("rule '{}' removes objects below '{}'", rule.id, rule.prefix));
    }
    if (rule.prefix.starts_with(packs)) continue;
    for (const auto& transition : rule.transitions) {
      if (!IsArchive(transition.storage_class)) continue;
      hazards.push_back(fmt::format("rule '{}' moves more than packs to {}: all below '{}'",
                                    rule.id, transition.storage_class, rule.prefix));
      break;
    }
  }
  return hazards;
}

std::vector<aws::XmlElement> MergeRules(const std::vector<aws::XmlElement>& rules,
                                        const BucketWishes& wishes, const std::string& prefix) {
  std::vector<aws::XmlElement> merged = rules;
  for (RuleKind kind : kRuleKinds) {
    if (WishOf(kind, wishes) == 0) continue;
    const std::string id = RuleId(kind, prefix);
    const auto wanted = WantedRule(kind, wishes, prefix);
    // Another's rule that does it is enough.
    if (wanted && IsCovered(kind, merged, *wanted)) continue;
    auto found = std::find_if(merged.begin(), merged.end(),
                              [&](const aws::XmlElement& rule) { return rule.Text("ID") == id; });
    if (found != merged.end()) {
      if (wanted) {
        *found = aws::ToXmlElement(*wanted);
      } else {
        merged.erase(found);
      }
    } else if (wanted) {
      merged.push_back(aws::ToXmlElement(*wanted));
    }
  }
  return merged;
}

}  // namespace maxbrod::store
