// What a bucket with versioning keeps of objects that were overwritten or deleted. See s3.h.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "aws/s3.h"
#include "aws/xml.h"
#include "base/limits.h"

namespace maxbrod::aws {
namespace {

constexpr size_t kPageBytesMax = 16 * kMiB;

// False when it is no version that S3 could have listed.
bool VersionOf(const XmlElement& entry, bool encoded, S3Version* out) {
  out->deleted = entry.name == "DeleteMarker";
  out->key = entry.Text("Key");
  if (encoded) {
    std::optional<std::string> decoded = UriDecode(out->key);
    if (!decoded) return false;
    out->key = std::move(*decoded);
  }
  out->id = entry.Text("VersionId");
  out->storage_class = entry.Text("StorageClass");
  std::optional<int64_t> modified = ParseIsoDate(entry.Text("LastModified"));
  // A version without a time would be of any time.
  if (!modified || out->key.empty() || out->id.empty()) return false;
  out->modified_ms = *modified;
  if (out->deleted) return true;
  std::string_view size = entry.Text("Size");
  auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), out->size);
  return !size.empty() && error == std::errc() && end == size.data() + size.size();
}

}  // namespace

Result<S3VersionListing> S3Client::ListVersions(const std::string& prefix,
                                                const std::string& next_key,
                                                const std::string& next_id,
                                                const CallContext& context) {
  Call call{S3Request::kListVersions, "s3:ListBucketVersions", "GET"};
  call.query = {{"versions", ""}, {"encoding-type", "url"}, {"prefix", prefix}};
  if (!next_key.empty()) call.query.emplace_back("key-marker", next_key);
  if (!next_id.empty()) call.query.emplace_back("version-id-marker", next_id);
  call.body_max = kPageBytesMax;
  MB_ASSIGN_OR_RETURN(HttpResponse response, PerformOk(call, context));
  MB_ASSIGN_OR_RETURN(XmlElement xml, ParseXml(response.body));
  auto malformed = [&] {
    return Status(Code::kProtocol,
                  fmt::format("bucket '{}': a list of versions that is none", options_.bucket));
  };
  if (xml.name != "ListVersionsResult") return malformed();
  const bool encoded = xml.Text("EncodingType") == "url";
  S3VersionListing listing;
  for (const XmlElement& entry : xml.children) {
    if (entry.name != "Version" && entry.name != "DeleteMarker") continue;
    S3Version version;
    if (!VersionOf(entry, encoded, &version)) return malformed();
    listing.versions.push_back(std::move(version));
  }
  // Some servers list all marks before all versions; of one key and time their order then tells
  // nothing, and stays.
  std::stable_sort(listing.versions.begin(), listing.versions.end(),
                   [](const S3Version& a, const S3Version& b) {
                     return a.key != b.key ? a.key < b.key : a.modified_ms > b.modified_ms;
                   });
  if (xml.Text("IsTruncated") != "true") return listing;
  std::optional<std::string> key(xml.Text("NextKeyMarker"));
  if (encoded) key = UriDecode(*key);
  if (!key || key->empty()) return malformed();
  listing.next_key = std::move(*key);
  listing.next_id = xml.Text("NextVersionIdMarker");
  // A page that leads nowhere would be asked for for ever.
  if (listing.next_key == next_key && listing.next_id == next_id) return malformed();
  return listing;
}

Result<bool> S3Client::KeepsVersions(const CallContext& context) {
  Call call{S3Request::kBucket, "s3:GetBucketVersioning", "GET"};
  call.query = {{"versioning", ""}};
  MB_ASSIGN_OR_RETURN(HttpResponse response, PerformOk(call, context));
  MB_ASSIGN_OR_RETURN(XmlElement xml, ParseXml(response.body));
  if (xml.name != "VersioningConfiguration") {
    return Status(Code::kProtocol,
                  fmt::format("bucket '{}': no answer about versioning", options_.bucket));
  }
  return !xml.Text("Status").empty();
}

}  // namespace maxbrod::aws
