// What S3 can do with objects beyond their bytes. See object_control.h.
#include "aws/uri.h"
#include "store/object_name.h"
#include "store/s3_object_standing.h"
#include "store/s3_store.h"

namespace maxbrod::store {
namespace {

LockMode LockModeOf(std::string_view mode) {
  if (mode == "GOVERNANCE") return LockMode::kGovernance;
  return mode == "COMPLIANCE" ? LockMode::kCompliance : LockMode::kNone;
}

// 'ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"'
std::string_view QuotedAfter(std::string_view text, std::string_view name) {
  size_t at = text.find(name);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + name.size());
  return text.substr(0, text.find('"'));
}

}  // namespace

ObjectStanding StandingOfS3(const aws::S3ObjectInfo& info) {
  ObjectStanding standing;
  standing.storage_class = info.storage_class.empty() ? "STANDARD" : info.storage_class;
  standing.archived = info.storage_class == "GLACIER" || info.storage_class == "DEEP_ARCHIVE" ||
                      !info.archive_status.empty();
  standing.thawing = QuotedAfter(info.restore, "ongoing-request=\"") == "true";
  if (!standing.thawing) {
    standing.thawed_until_ms =
        aws::ParseHttpDate(QuotedAfter(info.restore, "expiry-date=\"")).value_or(0);
  }
  standing.lock = LockModeOf(info.lock_mode);
  standing.retain_until_ms = info.retain_until_ms;
  standing.legal_hold = info.legal_hold;
  return standing;
}

std::string_view S3TierName(ThawTier tier) {
  switch (tier) {
    case ThawTier::kBulk:
      return "Bulk";
    case ThawTier::kExpedited:
      return "Expedited";
    default:
      return "Standard";
  }
}

Result<ObjectStanding> S3Store::Standing(const std::string& name, const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckObjectName(name));
  MB_ASSIGN_OR_RETURN(aws::S3ObjectInfo info, client_->Head(KeyOf(name), context));
  return StandingOfS3(info);
}

Status S3Store::Thaw(const std::string& name, int days, ThawTier tier, const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckObjectName(name));
  return client_->RestoreObject(KeyOf(name), days, S3TierName(tier), context);
}

Status S3Store::RemoveMany(std::span<const std::string> names, const CallContext& context) {
  constexpr size_t kNamesMax = 1'000;  // of one request
  for (size_t at = 0; at < names.size(); at += kNamesMax) {
    std::vector<std::string> keys;
    for (const std::string& name : names.subspan(at, std::min(kNamesMax, names.size() - at))) {
      MB_RETURN_IF_ERROR(CheckObjectName(name));
      keys.push_back(KeyOf(name));
    }
    MB_RETURN_IF_ERROR(client_->DeleteMany(keys, context));
  }
  return Status::Ok();
}

Status S3Store::Retain(const std::string& name, LockMode mode, int64_t until_ms,
                       const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckObjectName(name));
  if (mode == LockMode::kNone) {
    return Status(Code::kInvalidArgument, "a retention needs a mode: governance or compliance");
  }
  return client_->PutRetention(
      KeyOf(name), mode == LockMode::kGovernance ? "GOVERNANCE" : "COMPLIANCE", until_ms, context);
}

}  // namespace maxbrod::store
