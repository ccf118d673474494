// Signed calls of AWS's JSON services: one POST with a target header (KMS, Secrets Manager), or
// plain paths (MSK).
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "aws/credentials.h"
#include "aws/credentials_source.h"

namespace maxbrod::aws {

// What a service said went wrong.
struct ServiceError {
  std::string type;     // "AccessDeniedException"
  std::string message;  // the service's own; never a secret
  std::string request_id;
  int http_status = 0;
};
// A service's own reading of an error; OK leaves it to the general one.
using ErrorReader = std::function<Status(const ServiceError&)>;

struct JsonServiceOptions {
  std::string name;          // for messages: "KMS"
  std::string signing_name;  // "kms"
  std::string endpoint;      // "https://kms.eu-west-1.amazonaws.com"
  std::string region;
  std::string target_prefix;  // "TrentService"; empty for services with paths
  std::string content_type = "application/x-amz-json-1.1";
  Millis try_limit{20'000};
  int tries = 5;
};

// Thread-safe. Tries again with a jittered backoff what may pass (throttling, 5xx, no answer), once
// with new credentials when they are said to have expired, and once with the service's time when
// the clock here is said to be wrong.
//
// Errors: kPermission (access denied), kAuthentication (credentials, clock), kNotFound,
// kUnavailable and kTimeout (retryable), kInvalidArgument (the service does not like the request),
// kProtocol.
class JsonService {
 public:
  JsonService(const SourceNeeds& needs, std::shared_ptr<CredentialsProvider> credentials,
              JsonServiceOptions options);

  // POST of `body` to "<prefix>.<operation>".
  Result<nlohmann::json> Call(const std::string& operation, const nlohmann::json& body,
                              const CallContext& context, const ErrorReader& reader = nullptr);
  // GET of a path, percent-encoded. `operation` is for messages.
  Result<nlohmann::json> Get(const std::string& operation, const std::string& path,
                             const CallContext& context, const ErrorReader& reader = nullptr);

  const JsonServiceOptions& options() const { return options_; }

 private:
  struct Question;
  struct Outcome;
  Result<nlohmann::json> Ask(const Question& question, const CallContext& context);
  Outcome AskOnce(const Question& question, const CallContext& context);
  bool SleepBefore(int next_try, const CallContext& context);
  int64_t NowMillis();
  bool NoteServerTime(std::string_view date);

  const SourceNeeds needs_;
  const std::shared_ptr<CredentialsProvider> credentials_;
  const JsonServiceOptions options_;
  std::mutex mutex_;
  int64_t skew_ms_ = 0;  // of the service's clock against ours
  std::mt19937 random_;
};

// The last part of a type such as "com.amazonaws.kms#NotFoundException:http://...". Public for
// tests.
std::string ErrorTypeName(std::string_view type);

}  // namespace maxbrod::aws
