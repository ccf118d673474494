// What bringing archived objects back costs and how long it takes, by storage class and tier.
//
// List prices of AWS in us-east-1, in US dollars; other regions, contracts and taxes differ, so
// whatever is computed from them is shown as an estimate. The times are those that AWS calls
// typical; very many objects take longer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "store/object_control.h"

namespace maxbrod::engine {

inline constexpr std::string_view kThawPricesOf = "us-east-1, 2026-06";
// Of a readable copy, which is stored as STANDARD beside the archived object.
inline constexpr double kCopyDollarsPerGibMonth = 0.023;
inline constexpr double kDaysPerMonth = 30;

struct ThawRate {
  std::string_view storage_class;
  store::ThawTier tier;
  double dollars_per_gib;
  double dollars_per_1000_requests;
  int64_t seconds_min;  // 0: only the longest time is known
  int64_t seconds_max;
};

inline constexpr store::ThawTier kThawTiers[] = {
    store::ThawTier::kExpedited, store::ThawTier::kStandard, store::ThawTier::kBulk};

// Null where the class has no such tier (DEEP_ARCHIVE: expedited). Classes that are not known are
// taken for GLACIER.
const ThawRate* FindThawRate(std::string_view storage_class, store::ThawTier tier);
// Whether an object of that class can be one that must be thawed. (INTELLIGENT_TIERING: if it was
// moved to one of its archive tiers, which only the object itself tells.)
bool MayBeArchived(std::string_view storage_class);
// Whether a thaw makes a copy that ends, rather than moving the object.
bool ThawMakesCopy(std::string_view storage_class);

// "standard", "bulk", "expedited".
std::string_view NameOf(store::ThawTier tier);
// kInvalidArgument with a hint.
Result<store::ThawTier> ParseThawTier(const std::string& text);

}  // namespace maxbrod::engine
