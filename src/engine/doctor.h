// What is missing for a repository's safety: its keys, the place it lies in, and what we may do
// there. Nothing is changed by looking. Each function answers checks in the order of a report.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "aws/s3_bucket.h"
#include "base/clock.h"
#include "engine/iam_roles.h"
#include "kafka/cluster.h"
#include "repo/unlock.h"
#include "store/bucket_setup.h"
#include "store/store.h"

namespace maxbrod::engine {

enum class CheckGrade : uint8_t { kOk, kNote, kWarning, kFailure };
// "ok", "note", "warning", "failure".
std::string_view NameOf(CheckGrade grade);

struct Check {
  std::string area;  // "repository", "keys", "bucket", "rights", "clock", "uploads", "folder", ...
  std::string name;  // within the area: "versioning", "s3:DeleteObject"
  CheckGrade grade{};
  std::string what;    // what is
  std::string advice;  // the next step; may be empty
};
using Checks = std::vector<Check>;

// Ways to the keys: fewer than two in different failure domains (passphrase, key file, KMS) is a
// failure. Of a plain repository: who can read it. `shared`: the place is open to more than this
// host (a bucket).
Checks CheckKeys(store::Store& store, const format::Config& config, bool shared,
                 const CallContext& context);
// `role`: without the rights of kSetup what may not be read is no fault.
Checks CheckBucketSettings(const std::vector<store::BucketFinding>& findings,
                           std::optional<Role> role);
// Tries what this identity may do. `config`: the bytes of the repository's config object; empty
// where there is no repository, and then writing is not tried.
Result<Checks> CheckRights(aws::S3Bucket& bucket, store::Store& store, const std::string& prefix,
                           ByteView config, std::optional<Role> role, const CallContext& context);
// The store's clock against this machine's.
Checks CheckClock(store::Store& store, Clock& clock, const CallContext& context);
// Unfinished multipart uploads below the prefix.
Checks CheckUploads(aws::S3Client& client, const std::string& prefix, Clock& clock,
                    const CallContext& context);
// `path` of a repository in a folder: its mode, and the free space. `encrypted`: reading it tells
// nothing.
Checks CheckFolder(const std::string& path, bool encrypted);
// What a backup would meet: brokers, partitions without a leader or short of replicas.
Result<Checks> CheckCluster(kafka::Cluster& cluster, const CallContext& context);

}  // namespace maxbrod::engine
