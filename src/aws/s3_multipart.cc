// Multipart uploads: objects too large for one request. See s3.h.
#include <fmt/format.h>

#include "aws/s3.h"
#include "aws/xml.h"
#include "base/limits.h"
#include "codec/crc32c.h"

namespace maxbrod::aws {

Result<std::string> S3Client::CreateUpload(const std::string& key, const S3Storing& storing,
                                           const CallContext& context) {
  Call call{S3Request::kCreateUpload, "s3:PutObject", "POST", key};
  call.query = {{"uploads", ""}};
  call.headers = {{"x-amz-checksum-algorithm", "CRC32C"}, {"x-amz-checksum-type", "FULL_OBJECT"}};
  AddStorageHeaders(storing, &call.headers);
  MB_ASSIGN_OR_RETURN(XmlElement xml, PerformXml(call, context));
  std::string id(xml.Text("UploadId"));
  if (id.empty()) {
    return Status(Code::kProtocol, fmt::format("object '{}': S3 began an upload without id", key));
  }
  return id;
}

Result<S3Part> S3Client::UploadPart(const std::string& key, const std::string& upload_id,
                                    size_t number, std::span<const ByteView> pieces,
                                    uint32_t crc32c, const CallContext& context) {
  Call call{S3Request::kUploadPart, "s3:PutObject", "PUT", key};
  call.query = {{"partNumber", std::to_string(number)}, {"uploadId", upload_id}};
  call.headers = {{"Content-Type", "application/octet-stream"},
                  {"x-amz-checksum-crc32c", Crc32cHeader(crc32c)}};
  call.body.assign(pieces.begin(), pieces.end());
  MB_ASSIGN_OR_RETURN(HttpResponse response, PerformOk(call, context));
  S3Part part{std::string(response.Header("etag")), crc32c};
  for (ByteView piece : pieces) part.size += piece.size();
  if (part.etag.empty()) {
    return Status(Code::kProtocol,
                  fmt::format("object '{}': S3 took part {} without an ETag", key, number));
  }
  return part;
}

Result<S3Write> S3Client::CompleteUpload(const std::string& key, const std::string& upload_id,
                                         std::span<const S3Part> parts,
                                         const CallContext& context) {
  std::string body = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
  uint32_t crc = 0;
  uint64_t size = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    body += fmt::format(
        "<Part><PartNumber>{}</PartNumber><ETag>{}</ETag><ChecksumCRC32C>{}</ChecksumCRC32C>"
        "</Part>",
        i + 1, XmlEscape(parts[i].etag), Crc32cHeader(parts[i].crc32c));
    crc = Crc32cCombine(crc, parts[i].crc32c, parts[i].size);
    size += parts[i].size;
  }
  body += "</CompleteMultipartUpload>";
  Call call{S3Request::kCompleteUpload, "s3:PutObject", "POST", key};
  call.query = {{"uploadId", upload_id}};
  call.headers = {{"Content-Type", "application/xml"},
                  {"If-None-Match", "*"},
                  {"x-amz-checksum-crc32c", Crc32cHeader(crc)},
                  {"x-amz-checksum-type", "FULL_OBJECT"},
                  {"x-amz-mp-object-size", std::to_string(size)}};
  call.body = {AsBytes(body)};
  return PerformWrite(call, context);
}

Status S3Client::AbortUpload(const std::string& key, const std::string& upload_id,
                             const CallContext& context) {
  Call call{S3Request::kAbortUpload, "s3:AbortMultipartUpload", "DELETE", key};
  call.query = {{"uploadId", upload_id}};
  return PerformOk(call, context).status();
}

Result<std::vector<S3Upload>> S3Client::ListUploads(const std::string& prefix,
                                                    const CallContext& context) {
  Call call{S3Request::kListUploads, "s3:ListBucketMultipartUploads", "GET"};
  call.query = {{"uploads", ""}, {"prefix", prefix}};
  MB_ASSIGN_OR_RETURN(XmlElement xml, PerformXml(call, context));
  std::vector<S3Upload> uploads;
  for (const XmlElement& entry : xml.children) {
    if (entry.name != "Upload") continue;
    uploads.push_back({std::string(entry.Text("Key")), std::string(entry.Text("UploadId")),
                       ParseIsoDate(entry.Text("Initiated")).value_or(0)});
  }
  return uploads;
}

}  // namespace maxbrod::aws
