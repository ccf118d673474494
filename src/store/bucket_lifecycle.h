// The lifecycle rules that a repository wants, and what those that are there mean for it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/s3_bucket.h"
#include "store/bucket_setup.h"

namespace maxbrod::store {

enum class RuleKind : uint8_t { kColdPacks, kOldVersions, kAbortUploads };
inline constexpr RuleKind kRuleKinds[] = {RuleKind::kColdPacks, RuleKind::kOldVersions,
                                          RuleKind::kAbortUploads};

// "cold-packs", "old-versions", "abort-uploads": stable.
std::string_view SettingOf(RuleKind kind);
std::string_view WhyOf(RuleKind kind);
// The days of that wish: 0 or BucketWishes::kNever where there is none.
int WishOf(RuleKind kind, const BucketWishes& wishes);

// The rule of the repository under `prefix`; none where nothing is wished.
std::optional<aws::LifecycleRule> WantedRule(RuleKind kind, const BucketWishes& wishes,
                                             const std::string& prefix);
// Whether a rule that is there, ours or another's, does what `wanted` would.
bool IsCovered(RuleKind kind, const std::vector<aws::XmlElement>& rules,
               const aws::LifecycleRule& wanted);
bool HasOurRule(RuleKind kind, const std::vector<aws::XmlElement>& rules,
                const std::string& prefix);
// "to GLACIER after 30 days", "removed after 30 days".
std::string DescribeRule(RuleKind kind, const aws::LifecycleRule& rule);
// What the rules do to the repository's objects in this respect; "never" where nothing.
std::string DescribeRules(RuleKind kind, const std::vector<aws::XmlElement>& rules,
                          const std::string& prefix);
// Rules that remove objects of the repository, or archive what every run reads.
std::vector<std::string> HazardsOf(const std::vector<aws::XmlElement>& rules,
                                   const std::string& prefix);

// "1 day", "30 days".
std::string DaysText(int days);
// Whether objects of that class must be thawed before they are read.
bool IsArchive(std::string_view storage_class);
// How long S3 bills an object of that class at least; 0: no longer than it is there.
int DaysBilledOf(std::string_view storage_class);

}  // namespace maxbrod::store
