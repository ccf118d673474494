// From an s3:// URL to a store.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "aws/credentials_chain.h"
#include "store/s3_store.h"

namespace maxbrod::store {

// What an s3:// URL says.
struct S3Location {
  aws::S3Options s3;
  S3StoreOptions store;
  aws::CredentialsOptions credentials;
  std::string ca_file, ca_dir;  // of the endpoint's certificate; empty: AWS_CA_BUNDLE, the system's
  // For so long a request that fails for a passing reason is sent again (by RetryStore).
  Millis retry_budget{300'000};
  Millis stall_timeout{60'000};  // without a byte in either direction a request is given up
};

// s3://bucket/prefix?region=&endpoint=&path_style=&ca_file=&ca_dir=&storage_class=
//   &meta_storage_class=&sse=&kms_key_id=&profile=&role_arn=&external_id=&lock=&lock_days=
//   &retry_seconds=&stall_seconds=
// Values are percent-encoded. kInvalidArgument with a hint; no part that might be a secret is
// shown.
Result<S3Location> ParseS3Url(std::string_view url);

// What tests put in place of the real ones; null: those.
struct S3World {
  std::shared_ptr<aws::HttpClient> http;
  std::shared_ptr<aws::CredentialsProvider> credentials;
  std::shared_ptr<aws::S3Counters> counters;
  const aws::SourceNeeds* needs = nullptr;  // variables, files, clock; must outlive the store
};

// What MakeS3Store makes its store with: for what is about the bucket itself. Fills in what the
// location does not say.
Result<std::shared_ptr<aws::S3Client>> MakeS3Client(S3Location* location,
                                                    const S3World& world = {});

// Sends nothing yet. A region that is not given comes from AWS_REGION, AWS_DEFAULT_REGION or the
// profile, an endpoint from AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL.
Result<std::unique_ptr<S3Store>> MakeS3Store(S3Location location, const S3World& world = {});

}  // namespace maxbrod::store
