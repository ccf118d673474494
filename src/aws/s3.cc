#include "aws/s3.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "aws/credentials_endpoint.h"
#include "aws/sigv4.h"
#include "aws/xml.h"
#include "base/limits.h"
#include "base/user_time.h"
#include "codec/crc32c.h"
#include "codec/hash.h"

namespace maxbrod::aws {
namespace {

constexpr std::string_view kDefaultRegion = "us-east-1";
// A body so small is always hashed into the signature; larger ones where the way is not safe.
constexpr size_t kAlwaysHashedBytes = 64 * kKiB;
// Damage on the way is gone at the second look, damage in the store is not.
constexpr int kLooks = 2;
constexpr size_t kListBytesMax = 16 * kMiB;
constexpr int64_t kSecondMs = 1000;

bool IsLoopback(std::string_view host) {
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

bool UsesPathStyle(const S3Options& options) {
  // Behind a dot the certificate of *.s3.amazonaws.com does not hold.
  return options.path_style.value_or(!options.endpoint.empty() ||
                                     options.bucket.find('.') != std::string::npos);
}

size_t TotalSize(std::span<const ByteView> pieces) {
  size_t total = 0;
  for (ByteView piece : pieces) total += piece.size();
  return total;
}

std::optional<uint64_t> ParseNumber(std::string_view text) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Why there are none. Never kNotFound: that would say that an object is not there.
Status CredentialsStatus(const Status& status) {
  if (status.code() != Code::kNotFound) return status.WithContext("credentials for S3");
  Status none(Code::kAuthentication, "credentials for S3: " + status.message());
  return status.hint().empty() ? none : std::move(none).WithHint(status.hint());
}

std::vector<std::pair<std::string, std::string>> OfVersion(const std::string& version) {
  if (version.empty()) return {};
  return {{"versionId", version}};
}

std::string_view ReadAction(const std::string& version) {
  return version.empty() ? "s3:GetObject" : "s3:GetObjectVersion";
}

int64_t TimeOf(const HttpResponse& response, std::string_view header) {
  return ParseHttpDate(response.Header(header)).value_or(0);
}

}  // namespace

std::string_view NameOf(S3Request request) {
  constexpr std::string_view kNames[kS3Requests] = {
      "put",           "get",           "head",        "list",
      "delete",        "create_upload", "upload_part", "complete_upload",
      "abort_upload",  "list_uploads",  "restore",     "retention",
      "list_versions", "bucket"};
  return kNames[static_cast<size_t>(request)];
}

std::string Crc32cHeader(uint32_t crc) {
  uint8_t big[4];
  StoreBig<uint32_t>(big, crc);
  return Base64Encode(big);
}

std::vector<HttpHeader> HeadersOfXml(const std::string& body) {
  return {{"Content-Type", "application/xml"},
          {"x-amz-sdk-checksum-algorithm", "CRC32C"},
          {"x-amz-checksum-crc32c", Crc32cHeader(Crc32c(AsBytes(body)))}};
}

Status S3Client::Check(const S3Options& options) {
  auto wrong = [](std::string what) { return Status(Code::kInvalidArgument, std::move(what)); };
  const std::string& bucket = options.bucket;
  if (bucket.size() < 3 || bucket.size() > 63 ||
      bucket.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-_") != std::string::npos) {
    return wrong(fmt::format("'{}' cannot be the name of a bucket", bucket))
        .WithHint("names have 3 to 63 of a-z 0-9 . -");
  }
  if (options.region.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") !=
      std::string::npos) {
    return wrong(fmt::format("'{}' cannot be the name of a region", options.region));
  }
  if (!options.endpoint.empty()) {
    Result<Uri> uri = ParseUri(options.endpoint);
    if (!uri.ok()) return uri.status().WithContext("the S3 endpoint");
    if (uri->path != "/" || !uri->query.empty()) {
      return wrong("the S3 endpoint must be a scheme, a host and perhaps a port");
    }
  }
  if (!options.sse.empty() && options.sse != "AES256" && !options.sse.starts_with("aws:kms")) {
    return wrong(fmt::format("'{}' is no server-side encryption of S3", options.sse))
        .WithHint("sse is AES256, aws:kms or aws:kms:dsse");
  }
  if (!options.kms_key_id.empty() && !options.sse.starts_with("aws:kms")) {
    return wrong("a KMS key id is of use only with sse=aws:kms");
  }
  return Status::Ok();
}

S3Client::S3Client(S3Options options, std::shared_ptr<HttpClient> http,
                   std::shared_ptr<CredentialsProvider> credentials,
                   std::shared_ptr<S3Counters> counters, Clock& clock)
    : options_(std::move(options)),
      http_(std::move(http)),
      credentials_(std::move(credentials)),
      counters_(std::move(counters)),
      clock_(clock),
      region_(options_.region.empty() ? kDefaultRegion : options_.region),
      unsigned_payload_(true) {
  MB_CHECK(Check(options_).ok());
  if (!options_.endpoint.empty()) {
    Result<Uri> uri = ParseUri(options_.endpoint);
    unsigned_payload_ = uri->is_tls() || IsLoopback(uri->host);
  }
}

std::string S3Client::region() const {
  std::lock_guard lock(mutex_);
  return region_;
}

std::string S3Client::UrlOf(const Call& call, const std::string& region) const {
  Uri base;
  if (options_.endpoint.empty()) {
    base.scheme = "https";
    base.host = fmt::format("s3.{}.{}", region, DnsSuffix(region));
  } else {
    base = *ParseUri(options_.endpoint);
  }
  std::string url = base.scheme + "://";
  if (UsesPathStyle(options_)) {
    url += base.Authority() + "/" + options_.bucket;
    if (!call.key.empty()) url += "/" + UriEncode(call.key, /*keep_slash=*/true);
  } else {
    url +=
        options_.bucket + "." + base.Authority() + "/" + UriEncode(call.key, /*keep_slash=*/true);
  }
  char separator = '?';
  for (const auto& [name, value] : call.query) {
    url += fmt::format("{}{}={}", separator, UriEncode(name), UriEncode(value));
    separator = '&';
  }
  return url;
}

Result<HttpResponse> S3Client::SendOnce(const Call& call, const Credentials& credentials,
                                        const std::string& region, int64_t now_ms,
                                        const CallContext& context) {
  HttpRequest request;
  request.method = std::string(call.method);
  request.url = UrlOf(call, region);
  request.headers = call.headers;
  request.body = call.body;
  request.into = call.into;
  request.body_max = call.body_max;
  const size_t size = TotalSize(call.body);
  const std::string hash = unsigned_payload_ && size > kAlwaysHashedBytes
                               ? std::string(kUnsignedPayload)
                               : PayloadHash(call.body);
  MB_RETURN_IF_ERROR(SignRequest(credentials, {region, "s3", true}, hash, now_ms, &request));
  auto& counters = *counters_;
  counters.requests[static_cast<size_t>(call.kind)].fetch_add(1, std::memory_order_relaxed);
  Result<HttpResponse> response = http_->Send(request, context);
  if (!response.ok()) {
    counters.failures.fetch_add(1, std::memory_order_relaxed);
    return response;
  }
  if (response->ok()) {
    counters.bytes_up.fetch_add(size, std::memory_order_relaxed);
    counters.bytes_down.fetch_add(response->body.size() + response->into_bytes,
                                  std::memory_order_relaxed);
  } else if (response->status != 404 && response->status != 412) {
    counters.failures.fetch_add(1, std::memory_order_relaxed);
    if (response->status == 503) counters.slow_downs.fetch_add(1, std::memory_order_relaxed);
  }
  return response;
}

Result<HttpResponse> S3Client::Perform(const Call& call, const CallContext& context,
                                       S3Failure* failure) {
  MB_RETURN_IF_ERROR(context.Check());
  bool fixed_time = false, fixed_credentials = false, fixed_region = false;
  int foreign = 0;
  while (true) {
    Result<Credentials> credentials = credentials_->Get(context);
    if (!credentials.ok()) return CredentialsStatus(credentials.status());
    const std::string region = this->region();
    const int64_t now_ms = clock_.WallMillis() + skew_ms_.load(std::memory_order_relaxed);
    MB_ASSIGN_OR_RETURN(HttpResponse response,
                        SendOnce(call, *credentials, region, now_ms, context));
    if (response.ok()) return response;
    *failure = ParseS3Failure(response);
    // Of an error that cannot be read nobody knows what it says of the object.
    if (failure->foreign && call.method == "GET" && ++foreign < kLooks) continue;
    if (IsAboutTime(*failure, now_ms)) {
      if (std::exchange(fixed_time, true)) return SkewStatus(*failure);
      skew_ms_.store(failure->server_ms - clock_.WallMillis(), std::memory_order_relaxed);
      continue;
    }
    // The answers to HEAD name the right region, too, where that is the trouble.
    if (options_.region.empty() && !failure->region.empty() && failure->region != region &&
        !std::exchange(fixed_region, true)) {
      std::lock_guard lock(mutex_);
      region_ = failure->region;
      continue;
    }
    if (IsAboutCredentials(*failure) && !std::exchange(fixed_credentials, true)) {
      credentials_->Refused(*credentials);
      Result<Credentials> fresh = credentials_->Get(context);
      if (fresh.ok() && (fresh->access_key_id != credentials->access_key_id ||
                         fresh->secret_access_key != credentials->secret_access_key ||
                         fresh->session_token != credentials->session_token)) {
        continue;
      }
    }
    return response;
  }
}

Status S3Client::StatusOf(const Call& call, const S3Failure& failure) const {
  const std::string region = this->region();
  return StatusOfS3(failure, {call.action, options_.bucket, call.key, region});
}

Status S3Client::SkewStatus(const S3Failure& failure) const {
  int64_t ahead = (clock_.WallMillis() - failure.server_ms) / 1000;
  return Status(Code::kAuthentication,
                fmt::format("S3 refuses the time of requests: this machine's clock is {} s {} the "
                            "server's, and taking the server's time did not help",
                            std::llabs(ahead), ahead > 0 ? "ahead of" : "behind"))
      .WithHint("set the clock right (NTP)");
}

Result<HttpResponse> S3Client::PerformOk(const Call& call, const CallContext& context) {
  S3Failure failure;
  MB_ASSIGN_OR_RETURN(HttpResponse response, Perform(call, context, &failure));
  if (!response.ok()) return StatusOf(call, failure);
  return response;
}

Result<XmlElement> S3Client::PerformXml(const Call& call, const CallContext& context) {
  Status unreadable;
  for (int tries = 1; tries <= kLooks; ++tries) {
    MB_ASSIGN_OR_RETURN(HttpResponse response, PerformOk(call, context));
    Result<XmlElement> xml = ParseXml(response.body);
    if (xml.ok()) return xml;
    unreadable = xml.status();
  }
  return std::move(unreadable)
      .WithContext(call.key.empty() ? fmt::format("bucket '{}', {}", options_.bucket, call.action)
                                    : fmt::format("object '{}', {}", call.key, call.action))
      .WithHint(std::string(kForeignHint));
}

Result<S3Write> S3Client::PerformWrite(const Call& call, const CallContext& context) {
  MB_RETURN_IF_ERROR(context.Check());
  S3Failure failure;
  Result<HttpResponse> response = Perform(call, context, &failure);
  if (!response.ok()) {
    Code code = response.status().code();
    // Anything else happened before a byte of the request was sent.
    bool doubt = code == Code::kTimeout || code == Code::kProtocol || code == Code::kCancelled;
    if (!doubt) return response.status();
    return S3Write{S3Write::Outcome::kUnknown, 0, response.status().message()};
  }
  const int64_t server_ms = TimeOf(*response, "date");
  // CompleteMultipartUpload may fail after it said 200: then the body is an error.
  if (response->ok()) {
    if (response->body.empty()) return S3Write{S3Write::Outcome::kDone, server_ms};
    Result<XmlElement> xml = ParseXml(response->body);
    if (!xml.ok()) return S3Write{S3Write::Outcome::kUnknown, server_ms, xml.status().message()};
    if (xml->name == "CompleteMultipartUploadResult") {
      return S3Write{S3Write::Outcome::kDone, server_ms};
    }
    if (xml->name != "Error") {  // somebody else's page
      return S3Write{S3Write::Outcome::kUnknown, server_ms,
                     fmt::format("an answer that is none of S3's: <{}>", xml->name)};
    }
    failure = ParseS3Failure(*response);
  }
  Status status = StatusOf(call, failure);
  if (failure.http_status == 412 || failure.code == "PreconditionFailed") {
    return S3Write{S3Write::Outcome::kExists, server_ms, status.message()};
  }
  // A condition that met a removal (AWS's documentation of conditional writes).
  if (failure.http_status == 404 && failure.code == "NoSuchKey") {
    return Status(Code::kConflict, status.message()).Retryable();
  }
  bool doubt = failure.http_status == 500 || failure.http_status == 502 ||
               failure.http_status == 504 || failure.code == "InternalError" ||
               failure.code == "NoSuchUpload" || response->ok();
  if (doubt) {
    return S3Write{S3Write::Outcome::kUnknown, server_ms, status.message(),
                   failure.code == "NoSuchUpload"};
  }
  return status;
}

void S3Client::AddStorageHeaders(const S3Storing& storing, std::vector<HttpHeader>* headers) const {
  // A type of our own, so that nobody guesses one (and some imitations would then drop the body).
  headers->push_back({"Content-Type", "application/octet-stream"});
  if (!storing.storage_class.empty()) {
    headers->push_back({"x-amz-storage-class", storing.storage_class});
  }
  if (!storing.lock_mode.empty()) {
    const int64_t until =
        clock_.WallMillis() + skew_ms_.load(std::memory_order_relaxed) + storing.lock_ms;
    headers->push_back({"x-amz-object-lock-mode", std::string(storing.lock_mode)});
    headers->push_back(
        {"x-amz-object-lock-retain-until-date", FormatUserTime(until / kSecondMs * kSecondMs)});
  }
  if (!options_.sse.empty()) headers->push_back({"x-amz-server-side-encryption", options_.sse});
  if (!options_.kms_key_id.empty()) {
    headers->push_back({"x-amz-server-side-encryption-aws-kms-key-id", options_.kms_key_id});
  }
}

Result<S3Write> S3Client::Put(const std::string& key, std::span<const ByteView> pieces,
                              uint32_t crc32c, const S3Storing& storing,
                              const CallContext& context) {
  Call call{S3Request::kPut, "s3:PutObject", "PUT", key};
  call.headers = {{"If-None-Match", "*"}, {"x-amz-checksum-crc32c", Crc32cHeader(crc32c)}};
  AddStorageHeaders(storing, &call.headers);
  call.body.assign(pieces.begin(), pieces.end());
  return PerformWrite(call, context);
}

Result<Bytes> S3Client::Get(const std::string& key, size_t size_max, const CallContext& context,
                            const std::string& version) {
  Call call{S3Request::kGet, ReadAction(version), "GET", key, OfVersion(version)};
  call.headers = {{"x-amz-checksum-mode", "ENABLED"}};
  call.body_max = size_max;
  for (int tries = 1; tries <= kLooks; ++tries) {
    S3Failure failure;
    Result<HttpResponse> response = Perform(call, context, &failure);
    if (response.ok() && !response->ok()) return StatusOf(call, failure);
    if (!response.ok()) {
      // The client knows before it allocates (curl_http.h).
      bool too_long = response.status().code() == Code::kProtocol && !response.status().retryable();
      if (!too_long) return response.status();
      return Status(Code::kCorrupt,
                    fmt::format("object '{}': {}", key, response.status().message()));
    }
    std::string_view sum = response->Header("x-amz-checksum-crc32c");
    // With a '-' it is a checksum of the parts' checksums.
    if (sum.empty() || sum.find('-') != std::string_view::npos ||
        sum == Crc32cHeader(Crc32c(response->body))) {
      return std::move(response->body);
    }
  }
  return Status(Code::kCorrupt,
                fmt::format("object '{}': what came is not what its CRC-32C in S3 says", key));
}

Status S3Client::GetRange(const std::string& key, uint64_t offset, MutableByteView out,
                          const CallContext& context, const std::string& version) {
  auto shorter = [&](std::string_view size) {
    return Status(Code::kCorrupt, fmt::format("object '{}' has {} bytes; {} from {} were asked for",
                                              key, size, out.size(), offset));
  };
  if (offset > INT64_MAX || out.size() > INT64_MAX - offset) {
    MB_ASSIGN_OR_RETURN(S3ObjectInfo info, Head(key, context, version));
    return shorter(std::to_string(info.size));
  }
  Call call{S3Request::kGet, ReadAction(version), "GET", key, OfVersion(version)};
  call.headers = {{"Range", fmt::format("bytes={}-{}", offset, offset + out.size() - 1)}};
  call.into = out;
  S3Failure failure;
  MB_ASSIGN_OR_RETURN(HttpResponse response, Perform(call, context, &failure));
  if (response.status == 416) return shorter("fewer");
  if (!response.ok()) return StatusOf(call, failure);
  std::string_view range = response.Header("content-range");  // "bytes 0-9/100"
  if (response.status != 206 || !range.starts_with(fmt::format("bytes {}-", offset))) {
    return Status(
        Code::kUnsupported,
        fmt::format("object '{}': the endpoint does not answer ranges ('{}')", key, range));
  }
  if (response.into_bytes < out.size()) return shorter(range.substr(range.find('/') + 1));
  return Status::Ok();
}

Result<S3ObjectInfo> S3Client::Head(const std::string& key, const CallContext& context,
                                    const std::string& version) {
  Call call{S3Request::kHead, ReadAction(version), "HEAD", key, OfVersion(version)};
  S3Failure failure;
  MB_ASSIGN_OR_RETURN(HttpResponse response, Perform(call, context, &failure));
  if (!response.ok()) {
    // The answer to a HEAD does not say why; a GET's does.
    if (failure.http_status == 400 || failure.http_status == 403) {
      Call get{S3Request::kGet,         call.action, "GET", key, OfVersion(version),
               {{"Range", "bytes=0-0"}}};
      S3Failure why;
      Result<HttpResponse> again = Perform(get, context, &why);
      if (!again.ok()) return again.status();
      if (!why.code.empty()) failure = std::move(why);
    }
    return StatusOf(call, failure);
  }
  std::optional<uint64_t> size = ParseNumber(response.Header("content-length"));
  if (!size) {
    return Status(Code::kProtocol, fmt::format("object '{}': S3 did not tell its size", key));
  }
  S3ObjectInfo info{key, *size, TimeOf(response, "last-modified"),
                    std::string(response.Header("x-amz-storage-class"))};
  info.restore = response.Header("x-amz-restore");
  info.archive_status = response.Header("x-amz-archive-status");
  info.lock_mode = response.Header("x-amz-object-lock-mode");
  info.retain_until_ms =
      ParseIsoDate(response.Header("x-amz-object-lock-retain-until-date")).value_or(0);
  info.legal_hold = response.Header("x-amz-object-lock-legal-hold") == "ON";
  return info;
}

Result<S3Listing> S3Client::List(const std::string& prefix, const std::string& start_after,
                                 size_t limit, const std::string& continuation,
                                 const CallContext& context) {
  Call call{S3Request::kList, "s3:ListBucket", "GET"};
  call.query = {{"list-type", "2"},
                {"encoding-type", "url"},
                {"max-keys", std::to_string(limit)},
                {"prefix", prefix}};
  if (!start_after.empty()) call.query.emplace_back("start-after", start_after);
  if (!continuation.empty()) call.query.emplace_back("continuation-token", continuation);
  call.body_max = kListBytesMax;
  MB_ASSIGN_OR_RETURN(XmlElement xml, PerformXml(call, context));
  auto malformed = [&] {
    return Status(Code::kProtocol,
                  fmt::format("bucket '{}': a list that is none", options_.bucket));
  };
  if (xml.name != "ListBucketResult") return malformed();
  const bool encoded = xml.Text("EncodingType") == "url";
  S3Listing listing;
  for (const XmlElement& entry : xml.children) {
    if (entry.name != "Contents") continue;
    std::string key(entry.Text("Key"));
    if (encoded) {
      std::optional<std::string> decoded = UriDecode(key);
      if (!decoded) return malformed();
      key = std::move(*decoded);
    }
    std::optional<uint64_t> size = ParseNumber(entry.Text("Size"));
    if (!size || key.empty()) return malformed();
    listing.objects.push_back({std::move(key), *size,
                               ParseIsoDate(entry.Text("LastModified")).value_or(0),
                               std::string(entry.Text("StorageClass"))});
  }
  if (xml.Text("IsTruncated") == "true") {
    listing.continuation = xml.Text("NextContinuationToken");
    if (listing.continuation.empty()) return malformed();
  }
  return listing;
}

Status S3Client::Delete(const std::string& key, const CallContext& context) {
  return PerformOk({S3Request::kDelete, "s3:DeleteObject", "DELETE", key}, context).status();
}

Status S3Client::DeleteMany(std::span<const std::string> keys, const CallContext& context) {
  if (keys.empty()) return Status::Ok();
  std::string body =
      "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>";
  for (const std::string& key : keys) {
    body += fmt::format("<Object><Key>{}</Key></Object>", XmlEscape(key));
  }
  body += "</Delete>";
  Call call{S3Request::kDelete, "s3:DeleteObject", "POST"};
  call.query = {{"delete", ""}};
  call.headers = HeadersOfXml(body);
  call.body = {AsBytes(body)};
  MB_ASSIGN_OR_RETURN(XmlElement xml, PerformXml(call, context));
  if (const XmlElement* error = xml.Child("Error"); error != nullptr) {
    S3Failure failure;
    failure.http_status = 200;
    failure.code = error->Text("Code");
    failure.message = error->Text("Message");
    const std::string key(error->Text("Key"));
    return StatusOfS3(failure, {call.action, options_.bucket, key, region()});
  }
  return Status::Ok();
}

Result<int64_t> S3Client::ServerTime(const CallContext& context) {
  Call call{S3Request::kHead, "s3:ListBucket", "HEAD"};
  S3Failure failure;
  MB_ASSIGN_OR_RETURN(HttpResponse response, Perform(call, context, &failure));
  int64_t server_ms = TimeOf(response, "date");
  // Any answer of S3 bears its time, also a refusal of this question.
  if (server_ms != 0 && response.status < 500) return server_ms;
  if (!response.ok()) return StatusOf(call, failure);
  return Status(Code::kProtocol,
                fmt::format("bucket '{}': an answer without a Date", options_.bucket));
}

}  // namespace maxbrod::aws
