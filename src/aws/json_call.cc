#include "aws/json_call.h"

#include <algorithm>
#include <set>

#include "aws/json_read.h"
#include "aws/sigv4.h"
#include "aws/uri.h"
#include "os/log.h"

namespace maxbrod::aws {
namespace {

constexpr size_t kAnswerBytesMax = size_t{4} << 20;
constexpr Millis kBackoffFirst{100}, kBackoffMax{5'000};
constexpr int64_t kSkewMin = 60'000;

bool IsOneOf(const std::set<std::string_view>& names, const std::string& name) {
  return names.contains(name);
}

bool IsThrottle(const ServiceError& error) {
  static const std::set<std::string_view> kNames = {"ThrottlingException",
                                                    "Throttling",
                                                    "TooManyRequestsException",
                                                    "RequestLimitExceeded",
                                                    "LimitExceededException",
                                                    "ThrottledException",
                                                    "SlowDown",
                                                    "RequestThrottled"};
  return error.http_status == 429 || IsOneOf(kNames, error.type);
}

bool IsExpired(const ServiceError& error) {
  static const std::set<std::string_view> kNames = {"ExpiredTokenException", "ExpiredToken",
                                                    "UnrecognizedClientException",
                                                    "InvalidClientTokenId", "RequestExpired"};
  return IsOneOf(kNames, error.type);
}

// The two that a wrong clock gives: said plainly, or as a signature of another time.
bool IsClock(const ServiceError& error) {
  if (error.type == "RequestTimeTooSkewed" || error.type == "RequestInTheFuture") return true;
  return error.type == "InvalidSignatureException" &&
         (error.message.find("expired") != std::string::npos ||
          error.message.find("not yet current") != std::string::npos);
}

Code CodeOf(const ServiceError& error) {
  if (IsThrottle(error) || error.http_status >= 500) return Code::kUnavailable;
  static const std::set<std::string_view> kDenied = {"AccessDeniedException", "AccessDenied",
                                                     "ForbiddenException", "UnauthorizedException"};
  static const std::set<std::string_view> kWho = {"InvalidSignatureException",
                                                  "MissingAuthenticationTokenException",
                                                  "IncompleteSignature", "SignatureDoesNotMatch"};
  if (IsExpired(error) || IsClock(error) || IsOneOf(kWho, error.type) || error.http_status == 401)
    return Code::kAuthentication;
  if (IsOneOf(kDenied, error.type) || error.http_status == 403) return Code::kPermission;
  if (error.type == "NotFoundException" || error.type == "ResourceNotFoundException" ||
      error.http_status == 404)
    return Code::kNotFound;
  return error.http_status >= 400 && error.http_status < 500 ? Code::kInvalidArgument
                                                             : Code::kProtocol;
}

ServiceError ReadError(const HttpResponse& response) {
  ServiceError error;
  error.http_status = response.status;
  error.type = ErrorTypeName(response.Header("x-amzn-errortype"));
  error.request_id = std::string(response.Header("x-amzn-requestid"));
  auto json = ParseJsonObject(AsText(response.body), "");
  if (!json.ok()) return error;
  for (const char* key : {"__type", "code", "Code"}) {
    if (error.type.empty()) error.type = ErrorTypeName(JsonText(*json, key));
  }
  for (const char* key : {"message", "Message"}) {
    if (error.message.empty()) error.message = JsonText(*json, key);
  }
  return error;
}

}  // namespace

struct JsonService::Question {
  std::string operation, method, url, target, body;
  const ErrorReader& reader;
};

struct JsonService::Outcome {
  Result<nlohmann::json> result;
  bool answered = false;  // `error` is the service's
  ServiceError error{};
  Credentials used{};
  std::string date{};
};

JsonService::JsonService(const SourceNeeds& needs, std::shared_ptr<CredentialsProvider> credentials,
                         JsonServiceOptions options)
    : needs_(needs),
      credentials_(std::move(credentials)),
      options_(std::move(options)),
      random_(std::random_device()()) {}

Result<nlohmann::json> JsonService::Call(const std::string& operation, const nlohmann::json& body,
                                         const CallContext& context, const ErrorReader& reader) {
  return Ask({operation, "POST", options_.endpoint + "/", options_.target_prefix + "." + operation,
              JsonDump(body), reader},
             context);
}

Result<nlohmann::json> JsonService::Get(const std::string& operation, const std::string& path,
                                        const CallContext& context, const ErrorReader& reader) {
  return Ask({operation, "GET", options_.endpoint + path, "", "", reader}, context);
}

int64_t JsonService::NowMillis() {
  std::lock_guard lock(mutex_);
  return needs_.clock->WallMillis() + skew_ms_;
}

// False when it tells nothing new.
bool JsonService::NoteServerTime(std::string_view date) {
  auto theirs = ParseHttpDate(date);
  if (!theirs) return false;
  std::lock_guard lock(mutex_);
  int64_t skew_ms = *theirs - needs_.clock->WallMillis();
  if (std::abs(skew_ms - skew_ms_) < kSkewMin) return false;
  LogWarn("{}: this machine's clock is {} s {}; requests are signed with the service's time",
          options_.name, std::abs(skew_ms) / 1000, skew_ms > 0 ? "behind" : "ahead");
  skew_ms_ = skew_ms;
  return true;
}

bool JsonService::SleepBefore(int next_try, const CallContext& context) {
  int64_t ceiling = kBackoffFirst.count() << std::min(next_try - 2, 10);
  ceiling = std::min(ceiling, static_cast<int64_t>(kBackoffMax.count()));
  int64_t wait = 0;
  {
    std::lock_guard lock(mutex_);
    wait = std::uniform_int_distribution<int64_t>(ceiling / 2, ceiling)(random_);
  }
  if (context.deadline.Remaining() <= Millis(wait)) return false;
  return needs_.clock->Sleep(Millis(wait), context.stop);
}

JsonService::Outcome JsonService::AskOnce(const Question& question, const CallContext& context) {
  auto credentials = credentials_->Get(context);
  if (!credentials.ok()) return {credentials.status()};
  HttpRequest request;
  request.method = question.method;
  request.url = question.url;
  request.body_max = kAnswerBytesMax;
  if (!question.body.empty()) {
    request.headers.push_back({"Content-Type", options_.content_type});
    request.body = {AsBytes(question.body)};
  }
  if (!question.target.empty()) request.headers.push_back({"X-Amz-Target", question.target});
  Status signing = SignRequest(*credentials, {options_.region, options_.signing_name},
                               PayloadHash(request.body), NowMillis(), &request);
  if (!signing.ok()) return {signing};
  std::string what = options_.name + " " + question.operation;
  auto response = needs_.http->Send(request, context.Within(options_.try_limit));
  if (!response.ok()) {
    Status status = response.status().WithContext(what + " at " + options_.endpoint);
    if (status.retryable() && status.hint().empty()) {
      status = std::move(status).WithHint(
          "is the region right (AWS_REGION), and is the endpoint to "
          "be reached from here?");
    }
    return {std::move(status)};
  }
  if (response->ok()) {
    // Some operations answer nothing.
    if (response->body.empty()) return {nlohmann::json::object()};
    return {ParseJsonObject(AsText(response->body), what + ": the answer")};
  }
  ServiceError error = ReadError(*response);
  Status status = question.reader ? question.reader(error) : Status();
  if (status.ok()) {
    Code code = CodeOf(error);
    std::string type =
        error.type.empty() ? "status " + std::to_string(error.http_status) : error.type;
    status = Status(code, type + (error.message.empty() ? "" : ": " + error.message))
                 .Retryable(code == Code::kUnavailable);
    if (IsClock(error)) status = std::move(status).WithHint("set this machine's clock (NTP)");
  }
  status = std::move(status).WithContext(what);
  return {std::move(status), true, error, *credentials, std::string(response->Header("date"))};
}

Result<nlohmann::json> JsonService::Ask(const Question& question, const CallContext& context) {
  bool renewed = false, clock_set = false;
  for (int tried = 1;; ++tried) {
    MB_RETURN_IF_ERROR(context.Check());
    Outcome outcome = AskOnce(question, context);
    if (outcome.result.ok()) return outcome.result;
    if (outcome.answered && IsClock(outcome.error) && !clock_set) {
      clock_set = true;
      if (NoteServerTime(outcome.date)) continue;
    }
    if (outcome.answered && IsExpired(outcome.error) && !renewed) {
      renewed = true;
      credentials_->Refused(outcome.used);
      continue;
    }
    bool may_pass = outcome.result.status().retryable();
    if (!may_pass || tried >= options_.tries || !SleepBefore(tried + 1, context)) {
      if (context.stop.stop_requested()) return Status(Code::kCancelled, "stopped");
      return outcome.result;
    }
  }
}

std::string ErrorTypeName(std::string_view type) {
  type = type.substr(0, type.find(':'));
  size_t hash = type.rfind('#');
  if (hash != type.npos) type.remove_prefix(hash + 1);
  return std::string(type);
}

}  // namespace maxbrod::aws
