// AWS Signature Version 4 (docs: "Signature Version 4 signing process"): in headers, and in the
// query of a presigned URL. Pure functions; the time is passed in.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aws/credentials.h"
#include "aws/http.h"

namespace maxbrod::aws {

// In place of a body's hash where TLS protects the body (S3 only).
inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

struct SigningScope {
  std::string region;   // "eu-central-1"
  std::string service;  // "s3", "kms", "sts", "kafka-cluster", ...
  // S3 wants the path signed as it stands in the URL, and the payload's hash in a header of its
  // own (X-Amz-Content-Sha256). All other services: the path normalized (RFC 3986, 5.2.4) and its
  // percent-encoding encoded once more.
  bool s3 = false;
};

// Lower-case hex SHA-256 of the pieces together: what `payload_hash` is for a signed body. Of no
// pieces: the hash of an empty body.
std::string PayloadHash(std::span<const ByteView> pieces);

// Adds Host (unless it is there), X-Amz-Date, X-Amz-Security-Token (with a session token),
// X-Amz-Content-Sha256 (S3) and Authorization. All headers that are there are signed, so nothing
// on the way may change them. kInvalidArgument when the URL is none.
Status SignRequest(const Credentials& credentials, const SigningScope& scope,
                   std::string_view payload_hash, int64_t now_ms, HttpRequest* request);

// `url` with a signature in its query, valid for `expires` from `now_ms`; the Host header alone is
// signed. S3 takes kUnsignedPayload as the hash, others that of an empty body.
Result<std::string> PresignUrl(const Credentials& credentials, const SigningScope& scope,
                               std::string_view method, std::string_view url,
                               std::string_view payload_hash, std::chrono::seconds expires,
                               int64_t now_ms);

namespace internal {

// The steps of the algorithm, for the test vectors.
struct CanonicalParts {
  std::string_view method, path, query;
  std::vector<HttpHeader> headers;
  std::string_view payload_hash;
};
struct Canonical {
  std::string request;         // "canonical request"
  std::string signed_headers;  // "host;x-amz-date"
};
Canonical MakeCanonical(const CanonicalParts& parts, const SigningScope& scope);
// `amz_date` as FormatAmzDate makes it.
std::string CredentialScope(const SigningScope& scope, std::string_view amz_date);
std::string Signature(const Credentials& credentials, const SigningScope& scope,
                      std::string_view amz_date, std::string_view canonical_request);

}  // namespace internal
}  // namespace maxbrod::aws
