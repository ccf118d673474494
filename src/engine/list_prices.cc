#include "engine/list_prices.h"

#include <algorithm>

#include "base/limits.h"

namespace maxbrod::engine {
namespace {

using store::ThawTier;

constexpr int64_t kMinute = 60;
constexpr int64_t kHour = 3600;
constexpr std::string_view kGlacier = "GLACIER";
constexpr std::string_view kDeepArchive = "DEEP_ARCHIVE";
constexpr std::string_view kIntelligent = "INTELLIGENT_TIERING";

// INTELLIGENT_TIERING: the slower one of its two archive tiers.
constexpr ThawRate kRates[] = {
    {kGlacier, ThawTier::kExpedited, 0.03, 10.00, 1 * kMinute, 5 * kMinute},
    {kGlacier, ThawTier::kStandard, 0.01, 0.05, 3 * kHour, 5 * kHour},
    {kGlacier, ThawTier::kBulk, 0, 0, 5 * kHour, 12 * kHour},
    {kDeepArchive, ThawTier::kStandard, 0.02, 0.10, 0, 12 * kHour},
    {kDeepArchive, ThawTier::kBulk, 0.0025, 0.025, 0, 48 * kHour},
    {kIntelligent, ThawTier::kStandard, 0, 0, 3 * kHour, 12 * kHour},
    {kIntelligent, ThawTier::kBulk, 0, 0, 5 * kHour, 48 * kHour},
};

constexpr uint64_t kSmallest = 128 * kKiB;
constexpr StorageRate kStorage[] = {
    {"STANDARD", kStandardDollarsPerGibMonth, 0, 0, 0},
    {"STANDARD_IA", 0.0125, kSmallest, 0, 0},
    {"ONEZONE_IA", 0.01, kSmallest, 0, 0},
    {"REDUCED_REDUNDANCY", 0.024, 0, 0, 0},
    {"EXPRESS_ONEZONE", 0.11, 0, 0, 0},
    {"GLACIER_IR", 0.004, kSmallest, 0, 0},
    {kGlacier, 0.0036, 0, 32 * kKiB, 8 * kKiB},
    {kDeepArchive, 0.00099, 0, 32 * kKiB, 8 * kKiB},
    {kIntelligent, kStandardDollarsPerGibMonth, 0, 0, 0},
};

}  // namespace

const StorageRate& StorageRateOf(std::string_view storage_class) {
  for (const StorageRate& rate : kStorage) {
    if (rate.storage_class == storage_class) return rate;
  }
  return kStorage[0];
}

double StorageDollars(std::string_view storage_class, uint64_t objects, uint64_t bytes) {
  const StorageRate& rate = StorageRateOf(storage_class);
  const auto gib = [](uint64_t n) { return static_cast<double>(n) / static_cast<double>(kGiB); };
  const uint64_t counted =
      std::max(bytes, objects * rate.bytes_min) + objects * rate.overhead_bytes;
  return gib(counted) * rate.dollars_per_gib_month +
         gib(objects * rate.standard_bytes) * kStandardDollarsPerGibMonth;
}

const ThawRate* FindThawRate(std::string_view storage_class, ThawTier tier) {
  bool known = storage_class == kDeepArchive || storage_class == kIntelligent;
  std::string_view wanted = known ? storage_class : kGlacier;
  for (const ThawRate& rate : kRates) {
    if (rate.storage_class == wanted && rate.tier == tier) return &rate;
  }
  return nullptr;
}

bool MayBeArchived(std::string_view storage_class) {
  return storage_class == kGlacier || storage_class == kDeepArchive ||
         storage_class == kIntelligent;
}

bool ThawMakesCopy(std::string_view storage_class) {
  return storage_class != kIntelligent;
}

std::string_view NameOf(ThawTier tier) {
  switch (tier) {
    case ThawTier::kStandard:
      return "standard";
    case ThawTier::kBulk:
      return "bulk";
    case ThawTier::kExpedited:
      break;
  }
  return "expedited";
}

Result<ThawTier> ParseThawTier(const std::string& text) {
  for (ThawTier tier : kThawTiers) {
    if (NameOf(tier) == text) return tier;
  }
  return Status(Code::kInvalidArgument, "'" + text + "' is no tier of thawing")
      .WithHint("standard, bulk (slow and cheap) or expedited (minutes, and dear)");
}

}  // namespace maxbrod::engine
