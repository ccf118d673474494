// S3's operations on one bucket, as maxbrod uses them. No retries but those that a wrong clock,
// expired credentials or an unknown region need, once each.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aws/credentials.h"
#include "aws/http.h"
#include "aws/s3_error.h"
#include "aws/uri.h"
#include "base/clock.h"

namespace maxbrod::aws {

struct XmlElement;  // xml.h

struct S3Options {
  std::string bucket;
  std::string region;              // empty: us-east-1, or what the bucket says it is
  std::string endpoint;            // empty: AWS's of the region; else http(s)://host[:port]
  std::optional<bool> path_style;  // https://host/bucket/key; no value: where an endpoint is given
                                   // or the bucket's name has dots
  std::string sse;                 // "AES256", "aws:kms" or "aws:kms:dsse"; empty: the bucket's
  std::string kms_key_id;
};

// The kinds of requests, as AWS bills them.
enum class S3Request : uint8_t {
  kPut,
  kGet,
  kHead,
  kList,
  kDelete,
  kCreateUpload,
  kUploadPart,
  kCompleteUpload,
  kAbortUpload,
  kListUploads,
  kRestore,    // thaw
  kRetention,  // of one object
  kListVersions,
  kBucket,  // the bucket's own settings
};
inline constexpr size_t kS3Requests = 14;
// "put", "create_upload", ...: stable, a label of metrics.
std::string_view NameOf(S3Request request);

// Sent so far, answered or not. Thread-safe.
struct S3Counters {
  std::array<std::atomic<uint64_t>, kS3Requests> requests{};
  std::atomic<uint64_t> bytes_up{0}, bytes_down{0};  // of bodies that arrived whole
  std::atomic<uint64_t> failures{0};                 // error answers but 404 and 412, and lost ones
  std::atomic<uint64_t> slow_downs{0};               // of these, 503

  uint64_t Of(S3Request request) const {
    return requests[static_cast<size_t>(request)].load(std::memory_order_relaxed);
  }
};

// How a write that may be refused by its condition ended.
struct S3Write {
  enum class Outcome : uint8_t {
    kDone,
    kExists,   // there is an object of that name
    kUnknown,  // perhaps applied, perhaps later: `reason`
  };
  Outcome outcome = Outcome::kUnknown;
  int64_t server_ms = 0;  // by the Date header; 0: none
  std::string reason{};
  bool no_upload = false;  // of kUnknown: S3 knows no such upload (any more)
};

struct S3ObjectInfo {
  std::string key;
  uint64_t size = 0;
  int64_t modified_ms = 0;
  std::string storage_class{};  // empty: STANDARD
  // Of Head only.
  std::string restore{};         // x-amz-restore: 'ongoing-request="false", expiry-date="..."'
  std::string archive_status{};  // of INTELLIGENT_TIERING: ARCHIVE_ACCESS, DEEP_ARCHIVE_ACCESS
  std::string lock_mode{};       // GOVERNANCE, COMPLIANCE; empty: not retained
  int64_t retain_until_ms = 0;
  bool legal_hold = false;
};

// How a new object is kept.
struct S3Storing {
  std::string storage_class{};   // empty: STANDARD
  std::string_view lock_mode{};  // GOVERNANCE, COMPLIANCE; empty: none
  int64_t lock_ms = 0;           // counted from the request, by the server's clock
};

// One version of an object in a bucket with versioning, or the mark that it was deleted.
struct S3Version {
  std::string key;
  std::string id;  // "null": written while there was no versioning
  bool deleted = false;
  uint64_t size = 0;
  int64_t modified_ms = 0;
  std::string storage_class{};
};

struct S3VersionListing {
  std::vector<S3Version> versions;  // as S3 orders them: by key, of one key the newest first
  std::string next_key, next_id;    // where the next page begins; both empty: this was the last
};

struct S3Listing {
  std::vector<S3ObjectInfo> objects;
  std::string continuation;  // of the next page; empty: this was the last
};

struct S3Part {
  std::string etag;
  uint32_t crc32c = 0;
  uint64_t size = 0;
};

struct S3Upload {
  std::string key, id;
  int64_t initiated_ms = 0;
};

// Thread-safe. What is passed to the constructor is shared; `clock` must outlive it.
class S3Client {
 public:
  S3Client(S3Options options, std::shared_ptr<HttpClient> http,
           std::shared_ptr<CredentialsProvider> credentials, std::shared_ptr<S3Counters> counters,
           Clock& clock = Clock::System());

  // kInvalidArgument unless bucket, endpoint and the rest make sense.
  static Status Check(const S3Options& options);

  // Creates the object if there is none. A status that is not OK: certainly not applied.
  Result<S3Write> Put(const std::string& key, std::span<const ByteView> pieces, uint32_t crc32c,
                      const S3Storing& storing, const CallContext& context);
  // Reads are of the newest version, or of that with the id `version`.
  // The whole object, its checksum compared where S3 has one; larger is kCorrupt. kNotFound.
  Result<Bytes> Get(const std::string& key, size_t size_max, const CallContext& context,
                    const std::string& version = {});
  // Fills `out`, which must not be empty, from `offset`. kCorrupt when the object is shorter.
  Status GetRange(const std::string& key, uint64_t offset, MutableByteView out,
                  const CallContext& context, const std::string& version = {});
  Result<S3ObjectInfo> Head(const std::string& key, const CallContext& context,
                            const std::string& version = {});
  // One page of at most `limit` keys. `continuation`, where not empty, goes on from another page.
  Result<S3Listing> List(const std::string& prefix, const std::string& start_after, size_t limit,
                         const std::string& continuation, const CallContext& context);
  // All versions of keys with that prefix, a page; `next_key` and `next_id` are those of the page
  // before (s3_versions.cc).
  Result<S3VersionListing> ListVersions(const std::string& prefix, const std::string& next_key,
                                        const std::string& next_id, const CallContext& context);
  // Whether the bucket keeps versions, or kept them once.
  Result<bool> KeepsVersions(const CallContext& context);
  // OK, too, when there was none: S3 does not tell.
  Status Delete(const std::string& key, const CallContext& context);
  // Up to 1000 keys at once; the first that could not be deleted is the error.
  Status DeleteMany(std::span<const std::string> keys, const CallContext& context);
  // Object Lock and archives (s3_object_control.cc). RestoreObject: `tier` is Standard, Bulk or
  // Expedited; days 0 for INTELLIGENT_TIERING; OK also when a thaw is under way. PutRetention:
  // `mode` is GOVERNANCE or COMPLIANCE.
  Status RestoreObject(const std::string& key, int days, std::string_view tier,
                       const CallContext& context, const std::string& version = {});
  Status PutRetention(const std::string& key, std::string_view mode, int64_t until_ms,
                      const CallContext& context);
  // The server's clock, by the Date header of an answer.
  Result<int64_t> ServerTime(const CallContext& context);

  // Multipart uploads (s3_multipart.cc), with a CRC-32C of the whole object.
  Result<std::string> CreateUpload(const std::string& key, const S3Storing& storing,
                                   const CallContext& context);
  Result<S3Part> UploadPart(const std::string& key, const std::string& upload_id, size_t number,
                            std::span<const ByteView> pieces, uint32_t crc32c,
                            const CallContext& context);
  // As Put. kUnknown also when the upload is not there any more: an earlier try may have ended it.
  Result<S3Write> CompleteUpload(const std::string& key, const std::string& upload_id,
                                 std::span<const S3Part> parts, const CallContext& context);
  Status AbortUpload(const std::string& key, const std::string& upload_id,
                     const CallContext& context);
  // Unfinished ones of keys with that prefix, at most 1000.
  Result<std::vector<S3Upload>> ListUploads(const std::string& prefix, const CallContext& context);

  const S3Counters& counters() const { return *counters_; }
  const std::string& bucket() const { return options_.bucket; }

 private:
  friend class S3Bucket;  // s3_bucket.h: the bucket's own settings
  using Parameters = std::vector<std::pair<std::string, std::string>>;
  struct Call {
    S3Request kind{};
    std::string_view action;
    std::string_view method;
    std::string key{};
    Parameters query{};
    std::vector<HttpHeader> headers{};
    std::vector<ByteView> body{};
    MutableByteView into{};
    size_t body_max = size_t{8} << 20;
  };
  // The answer, whatever its status; `failure` is filled when it is an error.
  Result<HttpResponse> Perform(const Call& call, const CallContext& context, S3Failure* failure);
  Result<HttpResponse> SendOnce(const Call& call, const Credentials& credentials,
                                const std::string& region, int64_t now_ms,
                                const CallContext& context);
  // As Perform, with every error answer a status.
  Result<HttpResponse> PerformOk(const Call& call, const CallContext& context);
  // Of what answers with a document. One that cannot be read is asked for once more.
  Result<XmlElement> PerformXml(const Call& call, const CallContext& context);
  // Of a conditional write.
  Result<S3Write> PerformWrite(const Call& call, const CallContext& context);
  std::string UrlOf(const Call& call, const std::string& region) const;
  Status StatusOf(const Call& call, const S3Failure& failure) const;
  Status SkewStatus(const S3Failure& failure) const;
  void AddStorageHeaders(const S3Storing& storing, std::vector<HttpHeader>* headers) const;
  std::string region() const;

  const S3Options options_;
  const std::shared_ptr<HttpClient> http_;
  const std::shared_ptr<CredentialsProvider> credentials_;
  const std::shared_ptr<S3Counters> counters_;
  Clock& clock_;
  std::atomic<int64_t> skew_ms_{0};  // what the server's clock is ahead of ours, once it mattered
  mutable std::mutex mutex_;
  std::string region_;
  bool unsigned_payload_ = false;
};

// "base64 of the big-endian CRC-32C", as x-amz-checksum-crc32c has it.
std::string Crc32cHeader(uint32_t crc);
// What a request with an XML body needs: its type and its checksum.
std::vector<HttpHeader> HeadersOfXml(const std::string& body);

}  // namespace maxbrod::aws
