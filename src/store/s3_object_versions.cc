// The versions that a bucket keeps of its objects. See object_versions.h.
#include "store/object_name.h"
#include "store/s3_object_standing.h"
#include "store/s3_store.h"

namespace maxbrod::store {

Result<VersionPage> S3Store::ListVersions(const std::string& prefix, const std::string& next_name,
                                          const std::string& next_version,
                                          const CallContext& context) {
  MB_ASSIGN_OR_RETURN(
      aws::S3VersionListing listing,
      client_->ListVersions(KeyOf(prefix), next_name.empty() ? "" : KeyOf(next_name), next_version,
                            context));
  VersionPage page;
  for (aws::S3Version& version : listing.versions) {
    if (!version.key.starts_with(key_prefix_)) continue;
    std::string name = version.key.substr(key_prefix_.size());
    if (!IsObjectName(name)) continue;
    page.versions.push_back({std::move(name), std::move(version.id), version.deleted, version.size,
                             version.modified_ms,
                             version.storage_class == "STANDARD" ? "" : version.storage_class});
  }
  if (listing.next_key.starts_with(key_prefix_)) {
    page.next_name = listing.next_key.substr(key_prefix_.size());
    page.next_version = std::move(listing.next_id);
  }
  return page;
}

Result<Bytes> S3Store::GetVersion(const std::string& name, const std::string& version,
                                  size_t size_max, const CallContext& context) {
  return client_->Get(KeyOf(name), size_max, context, version);
}

Status S3Store::GetRangeOfVersion(const std::string& name, const std::string& version,
                                  uint64_t offset, MutableByteView out,
                                  const CallContext& context) {
  return client_->GetRange(KeyOf(name), offset, out, context, version);
}

Result<ObjectStanding> S3Store::StandingOfVersion(const std::string& name,
                                                  const std::string& version,
                                                  const CallContext& context) {
  MB_ASSIGN_OR_RETURN(aws::S3ObjectInfo info, client_->Head(KeyOf(name), context, version));
  return StandingOfS3(info);
}

Status S3Store::ThawVersion(const std::string& name, const std::string& version, int days,
                            ThawTier tier, const CallContext& context) {
  return client_->RestoreObject(KeyOf(name), days, S3TierName(tier), context, version);
}

Result<bool> S3Store::KeepsVersions(const CallContext& context) {
  return client_->KeepsVersions(context);
}

}  // namespace maxbrod::store
