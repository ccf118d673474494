// What a bucket should be like to hold a repository: comparing it with what is wanted, and the
// changes that bring it there. Rules of others in its lifecycle configuration are kept.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "aws/s3_bucket.h"
#include "store/object_control.h"

namespace maxbrod::store {

// Ids of lifecycle rules that are ours.
inline constexpr std::string_view kOurRulePrefix = "maxbrod-";

// What somebody wants of a bucket. The defaults want nothing.
struct BucketWishes {
  // Of the numbers of days: 0 is no wish, this one that our rule goes.
  static constexpr int kNever = -1;

  bool versioning = false;
  bool block_public_access = false;
  int cold_days = 0;       // packs go to `cold_class` after so long
  std::string cold_class;  // "GLACIER", ...
  int old_versions_days = 0;
  int abort_uploads_days = 0;
  bool some_encryption = false;  // SSE-S3 by default where there is no default yet
  std::string sse;               // this one by default, as in S3Options
  std::string kms_key_id;
  LockMode lock = LockMode::kNone;  // a default retention of all objects of the bucket
  int lock_days = 0;

  // What every repository should have.
  static BucketWishes Usual();
  bool any() const;
};
// kInvalidArgument for what S3 would refuse, or what makes no sense.
Status CheckWishes(const BucketWishes& wishes);

// What a bucket is like; what could not be read says why (kPermission, kUnsupported).
struct BucketState {
  Result<aws::Versioning> versioning;
  Result<aws::PublicAccessBlock> public_access;
  Result<aws::BucketEncryption> encryption;
  Result<aws::BucketLifecycle> lifecycle;
  Result<aws::BucketObjectLock> object_lock;
  Result<std::string> region;
};
// Fails when the bucket cannot be reached, or we are nobody there.
Result<BucketState> ReadBucketState(aws::S3Bucket& bucket, const CallContext& context);

enum class BucketGrade : uint8_t {
  kGood,
  kMissing,
  kDanger,       // what is there destroys repositories
  kUnknown,      // may not be read
  kUnsupported,  // the endpoint has nothing of the kind
};
struct BucketFinding {
  std::string setting;  // "versioning": stable
  BucketGrade grade{};
  bool important = false;  // without it a repository is not safe
  std::string is, wanted, why;
  // Something a user should act on.
  bool alarming() const {
    return grade == BucketGrade::kDanger ||
           (important && (grade == BucketGrade::kMissing || grade == BucketGrade::kUnknown));
  }
};
// `prefix` is the repository's, without a '/' at its end.
std::vector<BucketFinding> JudgeBucket(const BucketState& state, const BucketWishes& wishes,
                                       const std::string& prefix);

struct BucketChange {
  enum class Kind : uint8_t { kPublicAccess, kEncryption, kVersioning, kObjectLock, kLifecycle };
  Kind kind{};
  std::string setting, from, to;
};
struct BucketPlan {
  std::vector<BucketChange> changes;    // in the order in which they must be made
  std::vector<std::string> warnings;    // what they cost, and cannot be undone
  std::vector<std::string> impossible;  // what is wanted and cannot be had here, and why
};
BucketPlan PlanBucket(const BucketState& state, const BucketWishes& wishes,
                      const std::string& prefix);

// Makes the changes; `done` hears of each. The rules of the lifecycle are read again right before
// they are written. An error leaves those made before it.
Status ApplyBucketPlan(aws::S3Bucket& bucket, const BucketPlan& plan, const BucketWishes& wishes,
                       const std::string& prefix,
                       const std::function<void(const BucketChange&)>& done,
                       const CallContext& context);

// `rules` with our rules as wanted, and all others as they were.
std::vector<aws::XmlElement> MergeRules(const std::vector<aws::XmlElement>& rules,
                                        const BucketWishes& wishes, const std::string& prefix);

}  // namespace maxbrod::store
