#include "aws/s3_error.h"

#include <fmt/format.h>

#include <cstdlib>

#include "aws/uri.h"
#include "aws/xml.h"

namespace maxbrod::aws {
namespace {

// S3 refuses what is signed this far from its own time.
constexpr int64_t kSkewMaxMs = 15 * 60'000;

struct Meaning {
  std::string_view s3_code;
  Code code;
  bool retryable;
  std::string_view hint;
};

constexpr std::string_view kSecretHint =
    "check the access key id and its secret (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, or the "
    "profile)";
constexpr std::string_view kTokenHint = "get new temporary credentials and start again";
constexpr std::string_view kColdHint =
    "the object is in a cold storage class and must be thawed before it can be read: 'restore', "
    "'verify' and 'backup' do it with --thaw standard --wait";

constexpr Meaning kMeanings[] = {
    {"AccessDenied", Code::kPermission, false, ""},
    {"AllAccessDisabled", Code::kPermission, false, ""},
    {"AccountProblem", Code::kPermission, false, "see the AWS account's billing page"},
    {"BadDigest", Code::kProtocol, true, ""},
    {"ConditionalRequestConflict", Code::kConflict, true, ""},
    {"EntityTooLarge", Code::kInvalidArgument, false, ""},
    {"EntityTooSmall", Code::kInvalidArgument, false, ""},
    {"ExpiredToken", Code::kAuthentication, false, kTokenHint},
    {"InsufficientStorage", Code::kOutOfSpace, false, ""},
    {"InternalError", Code::kUnavailable, true, ""},
    {"InvalidAccessKeyId", Code::kAuthentication, false, kSecretHint},
    {"InvalidBucketName", Code::kInvalidArgument, false, "check the bucket's name in --repo"},
    {"InvalidDigest", Code::kProtocol, true, ""},
    {"InvalidObjectState", Code::kUnavailable, false, kColdHint},
    {"InvalidRange", Code::kCorrupt, false, ""},
    {"InvalidToken", Code::kAuthentication, false, kTokenHint},
    {"KMS.DisabledException", Code::kPermission, false, "the KMS key of the object is disabled"},
    {"KMS.NotFoundException", Code::kInvalidArgument, false, "check kms_key_id in --repo"},
    {"MethodNotAllowed", Code::kUnsupported, false, ""},
    {"NoSuchBucket", Code::kInvalidArgument, false,
     "check the bucket's name, region and endpoint in --repo; maxbrod does not make buckets"},
    {"NoSuchKey", Code::kNotFound, false, ""},
    {"NoSuchUpload", Code::kConflict, false, "was the upload aborted by a lifecycle rule?"},
    {"NotImplemented", Code::kUnsupported, false, ""},
    {"OperationAborted", Code::kConflict, true, ""},
    {"QuotaExceeded", Code::kOutOfSpace, false, ""},
    {"RequestLimitExceeded", Code::kUnavailable, true, ""},
    {"RequestTimeout", Code::kUnavailable, true, ""},
    {"ServiceUnavailable", Code::kUnavailable, true, ""},
    {"SignatureDoesNotMatch", Code::kAuthentication, false, kSecretHint},
    {"SlowDown", Code::kUnavailable, true, ""},
    {"Throttling", Code::kUnavailable, true, ""},
    {"TokenRefreshRequired", Code::kAuthentication, false, kTokenHint},
    {"XAmzContentSHA256Mismatch", Code::kProtocol, true, ""},
    {"XMinioStorageFull", Code::kOutOfSpace, false, ""},
};

constexpr std::string_view kNoLockHint =
    "Object Lock must be enabled in the bucket (it can be at any time, with versioning); or leave "
    "lock= out of --repo";

Meaning MeaningOf(const S3Failure& failure) {
  // The code alone ("InvalidRequest") says nothing.
  bool of_lock = failure.message.find("ObjectLockConfiguration") != std::string::npos ||
                 failure.message.find("Object Lock Configuration") != std::string::npos;
  if (failure.http_status == 400 && of_lock) return {"", Code::kUnsupported, false, kNoLockHint};
  for (const Meaning& meaning : kMeanings) {
    if (meaning.s3_code == failure.code) return meaning;
  }
  // Nobody may take a proxy's 404 for an object that is not there.
  if (failure.foreign && failure.http_status < 500) {
    return {"", Code::kProtocol, false, kForeignHint};
  }
  // Codes of KMS behind S3.
  if (failure.code.starts_with("KMS.")) return {failure.code, Code::kPermission, false, ""};
  switch (failure.http_status) {
    case 401:
      return {"", Code::kAuthentication, false, kSecretHint};
    case 403:
      return {"", Code::kPermission, false, ""};
    case 404:
      return {"", Code::kNotFound, false, ""};
    case 408:
    case 429:
      return {"", Code::kUnavailable, true, ""};
    case 409:
      return {"", Code::kConflict, true, ""};
    case 416:
      return {"", Code::kCorrupt, false, ""};
    case 501:
      return {"", Code::kUnsupported, false, ""};
    case 507:
      return {"", Code::kOutOfSpace, false, ""};
    default:
      break;
  }
  if (failure.http_status >= 500) return {"", Code::kUnavailable, true, ""};
  if (failure.http_status >= 400) return {"", Code::kInvalidArgument, false, ""};
  return {"", Code::kProtocol, false, "does this endpoint speak S3?"};
}

bool IsAboutRegion(const S3Failure& failure) {
  return failure.http_status == 301 || failure.http_status == 307 ||
         failure.code == "PermanentRedirect" || failure.code == "TemporaryRedirect" ||
         failure.code == "AuthorizationHeaderMalformed" ||
         failure.code == "IllegalLocationConstraintException";
}

Status WrongRegion(const S3Failure& failure, const S3Place& place) {
  if (failure.region.empty() || failure.region == place.region) {
    return Status(Code::kInvalidArgument,
                  fmt::format("bucket '{}' is not to be reached in region '{}' here: {}",
                              place.bucket, place.region, failure.message))
        .WithHint("give its region: --repo 's3://bucket/prefix?region=...'");
  }
  return Status(Code::kInvalidArgument, fmt::format("bucket '{}' is in region '{}', not in '{}'",
                                                    place.bucket, failure.region, place.region))
      .WithHint(fmt::format("write --repo 's3://{}/...?region={}'", place.bucket, failure.region));
}

}  // namespace

S3Failure ParseS3Failure(const HttpResponse& response) {
  S3Failure failure;
  failure.http_status = response.status;
  failure.request_id = response.Header("x-amz-request-id");
  failure.region = response.Header("x-amz-bucket-region");
  failure.server_ms = ParseHttpDate(response.Header("date")).value_or(0);
  if (response.body.empty()) return failure;
  Result<XmlElement> xml = ParseXml(response.body);
  if (!xml.ok() || xml->name != "Error") {
    failure.foreign = true;
    return failure;
  }
  failure.code = xml->Text("Code");
  failure.message = xml->Text("Message");
  if (std::string_view region = xml->Text("Region"); !region.empty()) failure.region = region;
  return failure;
}

Status StatusOfS3(const S3Failure& failure, const S3Place& place) {
  if (IsAboutRegion(failure)) return WrongRegion(failure, place);
  Meaning meaning = MeaningOf(failure);
  const std::string what = place.key.empty() || failure.code == "NoSuchBucket"
                               ? fmt::format("bucket '{}'", place.bucket)
                               : fmt::format("object '{}'", place.key);
  std::string text =
      failure.code.empty() ? fmt::format("HTTP status {}", failure.http_status) : failure.code;
  if (!failure.message.empty()) text += fmt::format(" ({})", failure.message);
  if (!failure.request_id.empty()) text += fmt::format(", request {}", failure.request_id);
  std::string hint(meaning.hint);
  if (meaning.code == Code::kPermission) {
    text = fmt::format("{} is denied: {}", place.action, text);
    if (hint.empty()) {
      hint = fmt::format("the role or user needs {} on bucket '{}'", place.action, place.bucket);
      // S3 hides from those who may not list whether an object is there.
      if (place.action == "s3:GetObject") hint += ", and s3:ListBucket";
    }
  }
  Status status = Status(meaning.code, fmt::format("{}: {}", what, text));
  if (meaning.retryable) status = std::move(status).Retryable();
  return hint.empty() ? status : std::move(status).WithHint(std::move(hint));
}

bool IsAboutCredentials(const S3Failure& failure) {
  for (std::string_view code : {"ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch",
                                "InvalidToken", "TokenRefreshRequired"}) {
    if (failure.code == code) return true;
  }
  // A HEAD does not say why.
  return failure.code.empty() && (failure.http_status == 400 || failure.http_status == 403);
}

bool IsAboutTime(const S3Failure& failure, int64_t signed_ms) {
  if (failure.server_ms == 0) return false;
  if (failure.code == "RequestTimeTooSkewed" || failure.code == "RequestExpired") return true;
  return failure.code.empty() && failure.http_status == 403 &&
         std::llabs(failure.server_ms - signed_ms) >= kSkewMaxMs;
}

}  // namespace maxbrod::aws
