// What somebody wants of a bucket, and how it is brought about: for 'bucket' and 'init'.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "cli/common.h"
#include "store/bucket_setup.h"

namespace maxbrod::cli {

struct WishFlags {
  bool versioning = false;
  bool block_public_access = false;
  std::string cold_after, cold_class = "GLACIER", old_versions, abort_uploads;
  std::string sse, kms_key_id, lock_mode;
  int lock_days = 0;
  void Add(CLI::App* verb);
  // Without any flag: what every repository should have.
  Result<store::BucketWishes> Read() const;
};

// The bucket of an s3:// URL. kInvalidArgument for other URLs.
struct BucketPlace {
  std::shared_ptr<aws::S3Client> client;
  std::string prefix;
  static Result<BucketPlace> Open(const std::string& url);
};

struct Consent {
  bool dry_run = false;
  bool yes = false;  // else a terminal is asked
};
// Shows what would be done, and does it with consent. kIncomplete when something wanted cannot be
// had there; kInvalidArgument when nobody consented, and nothing was done then.
Status SetUpBucket(const BucketPlace& place, const store::BucketWishes& wishes,
                   const Consent& consent, const Globals& globals);

}  // namespace maxbrod::cli
