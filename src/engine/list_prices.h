// What S3 asks for storage, for requests and for bringing archived objects back, by storage class.
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

inline constexpr std::string_view kListPricesOf = "us-east-1, 2026-06";
inline constexpr double kWriteDollars = 0.005 / 1000;  // PUT, COPY, LIST; of STANDARD
inline constexpr double kReadDollars = 0.0004 / 1000;  // GET, HEAD; of STANDARD
// Also of a readable copy, which is stored as STANDARD beside the archived object.
inline constexpr double kStandardDollarsPerGibMonth = 0.023;

struct StorageRate {
  std::string_view storage_class;
  double dollars_per_gib_month;
  uint64_t bytes_min;       // smaller objects are counted as this long
  uint64_t overhead_bytes;  // added to each object, in this class
  uint64_t standard_bytes;  // added to each object, as STANDARD
};
// Classes that are not known, and the empty one, are taken for STANDARD. INTELLIGENT_TIERING: its
// first tier, as nobody tells in which one an object lies.
const StorageRate& StorageRateOf(std::string_view storage_class);
// Of so many objects with so many bytes in all, a month. Objects below the class's minimum are
// counted by their average length.
double StorageDollars(std::string_view storage_class, uint64_t objects, uint64_t bytes);

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
