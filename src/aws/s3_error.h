// What S3's error answers mean for maxbrod.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "aws/http.h"
#include "base/status.h"

namespace maxbrod::aws {

inline constexpr std::string_view kForeignHint =
    "does this endpoint speak S3? Is there a proxy before it?";

// One error answer, whatever of it came: the answers to HEAD have no body.
struct S3Failure {
  int http_status = 0;
  std::string code;        // "SlowDown"; "" where the answer had no body that tells
  std::string message;     // S3's own words
  std::string request_id;  // what AWS's support asks for
  std::string region;      // the bucket's, where the answer names it
  int64_t server_ms = 0;   // by its Date header; 0: none
  bool foreign = false;    // it had a body, and that was no error of S3's (a proxy's page)
};

// Where it happened, for messages.
struct S3Place {
  std::string_view action;  // the IAM action: "s3:PutObject"
  std::string_view bucket;
  std::string_view key;     // empty: the bucket itself
  std::string_view region;  // that the request was signed for
};

S3Failure ParseS3Failure(const HttpResponse& response);

// Codes, retryability and hints as store.h's contract wants them. A bucket that is not there is
// kInvalidArgument, so that nobody takes it for an object that is not there.
Status StatusOfS3(const S3Failure& failure, const S3Place& place);

// Other credentials, or the same ones anew, may help.
bool IsAboutCredentials(const S3Failure& failure);
// The request's time was refused: it should be signed by the server's.
bool IsAboutTime(const S3Failure& failure, int64_t signed_ms);

}  // namespace maxbrod::aws
