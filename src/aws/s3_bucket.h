// The settings of a bucket itself, and what its owner lets us do in it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "aws/s3.h"
#include "aws/xml.h"

namespace maxbrod::aws {

enum class Versioning : uint8_t { kNever, kEnabled, kSuspended };

// One rule of a lifecycle configuration, as far as maxbrod has to understand it.
struct LifecycleRule {
  struct Transition {
    int days = 0;
    std::string storage_class;
    bool operator==(const Transition&) const = default;
  };
  std::string id;
  bool enabled = true;
  std::string prefix;              // of keys; empty: all
  uint64_t size_greater_than = 0;  // bytes; 0: any size
  bool by_tag = false;             // only objects with some tag
  std::vector<Transition> transitions;
  bool expires = false;  // removes current versions, after days or at a date
  int noncurrent_days = 0;
  bool removes_delete_markers = false;  // those behind which nothing is left
  int abort_days = 0;                   // unfinished multipart uploads
  bool operator==(const LifecycleRule&) const = default;
};
LifecycleRule ParseLifecycleRule(const XmlElement& rule);
XmlElement ToXmlElement(const LifecycleRule& rule);

struct BucketLifecycle {
  // As S3 gave them: rules of others hold what maxbrod does not know, and must not lose it.
  std::vector<XmlElement> rules;
  // x-amz-transition-default-minimum-object-size, which a put without it would reset.
  std::string minimum_size;
};

struct BucketObjectLock {
  bool enabled = false;
  std::string mode;  // of the default retention, GOVERNANCE or COMPLIANCE; empty: there is none
  int days = 0;      // a year counts 365
};

struct BucketEncryption {
  std::string sse;  // "AES256", "aws:kms", "aws:kms:dsse"; empty: none by default
  std::string kms_key_id;
  bool bucket_key = false;
};

struct PublicAccessBlock {
  bool block_acls = false, ignore_acls = false, block_policy = false, restrict_buckets = false;
  bool all() const { return block_acls && ignore_acls && block_policy && restrict_buckets; }
};

// Something that may be allowed, tried by a request that changes nothing.
enum class BucketTry : uint8_t {
  kList,
  kListVersions,
  kListUploads,
  kGet,
  kGetVersion,
  kGetRetention,
  kRestore,        // of an object that is not archived, or not there
  kDelete,         // of an object that is not there, under a condition
  kDeleteVersion,  // the version "null" of an object that is not there
  kAbortUpload,    // of an upload that never was
};
// "s3:DeleteObject", ...
std::string_view ActionOf(BucketTry what);

enum class Access : uint8_t { kAllowed, kDenied, kUnclear, kUnsupported };
struct TriedAccess {
  Access access = Access::kUnclear;
  std::string detail{};  // S3's answer
};

// Thread-safe as its client is, which must outlive it. One request per call, no retries. Errors are
// those of S3Client; settings that were never made are answered as such, not as errors.
// kUnsupported: the endpoint has nothing of the kind. kPermission names the IAM action.
class S3Bucket {
 public:
  explicit S3Bucket(S3Client& client) : client_(client) {}

  Result<Versioning> GetVersioning(const CallContext& context);
  Status EnableVersioning(const CallContext& context);
  Result<BucketLifecycle> GetLifecycle(const CallContext& context);
  // Replaces all rules; none: removes the configuration.
  Status PutLifecycle(const BucketLifecycle& lifecycle, const CallContext& context);
  Result<BucketObjectLock> GetObjectLock(const CallContext& context);
  // Enables Object Lock, for ever, and sets the default retention where there is a mode.
  Status PutObjectLock(const BucketObjectLock& lock, const CallContext& context);
  Result<BucketEncryption> GetEncryption(const CallContext& context);
  Status PutEncryption(const BucketEncryption& encryption, const CallContext& context);
  Result<PublicAccessBlock> GetPublicAccessBlock(const CallContext& context);
  Status PutPublicAccessBlock(const PublicAccessBlock& block, const CallContext& context);
  // "eu-central-1".
  Result<std::string> GetRegion(const CallContext& context);

  // `key` is what to try it on: an object that is there for reads and kRestore (where it is not,
  // and listing is denied, S3 answers "denied" for a missing object as well), one that certainly
  // is not for kDelete, kDeleteVersion and kAbortUpload; a prefix for lists.
  Result<TriedAccess> Try(BucketTry what, const std::string& key, const CallContext& context);

  const std::string& name() const { return client_.bucket(); }

 private:
  // The document at `?<subresource>`; without a body: the setting was never made (S3 has a code for
  // each that is missing).
  Result<HttpResponse> Read(std::string_view subresource, std::string_view action,
                            const CallContext& context);
  // The same, parsed, and empty where there is none; kProtocol unless the document's name ends so.
  Result<XmlElement> ReadXml(std::string_view subresource, std::string_view action,
                             std::string_view root, const CallContext& context);
  Status Write(std::string_view subresource, std::string_view action, const XmlElement& document,
               std::vector<HttpHeader> headers, const CallContext& context);
  // The request that tries it; returns the body that goes with it.
  static std::string PrepareTry(BucketTry what, S3Client::Call* call);

  S3Client& client_;
};

}  // namespace maxbrod::aws
