#include "aws/imds.h"

#include <algorithm>
#include <charconv>

#include "aws/json_read.h"
#include "os/log.h"

namespace maxbrod::aws {
namespace {

constexpr std::string_view kTokenSeconds = "21600";
constexpr int kTriesMax = 10;
constexpr int kSecondsMax = 60;
constexpr size_t kAnswerBytesMax = size_t{64} << 10;
constexpr const char* kRolePath = "/latest/meta-data/iam/security-credentials/";
// The service hands out credentials that have expired when it cannot have new ones; AWS's SDKs go
// on with them for a while, since the other services then accept them too.
constexpr int64_t kStaleMillis = 600'000;

int Number(Environment& environment, const std::string& variable, int fallback, int max) {
  std::string text = environment.Variable(variable).value_or("");
  int number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  bool good = error == std::errc() && end == text.data() + text.size() && number > 0;
  return good ? std::min(number, max) : fallback;
}

std::string Trimmed(std::string_view text) {
  size_t from = text.find_first_not_of(" \t\r\n");
  if (from == text.npos) return {};
  text = text.substr(from);
  return std::string(text.substr(0, text.find_first_of(" \t\r\n")));
}

bool IsSilence(const Status& status) {
  return status.code() == Code::kUnavailable || status.code() == Code::kTimeout;
}

}  // namespace

std::string ImdsClient::Disabled() const {
  std::string value = needs_.environment->Variable("AWS_EC2_METADATA_DISABLED").value_or("");
  for (char& c : value) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return value == "true" ? "AWS_EC2_METADATA_DISABLED is true" : "";
}

std::string ImdsClient::Endpoint() const {
  auto endpoint = needs_.environment->Variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (endpoint) {
    while (endpoint->ends_with('/')) endpoint->pop_back();
    return *endpoint;
  }
  std::string mode =
      needs_.environment->Variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE").value_or("IPv4");
  return mode == "IPv6" || mode == "ipv6" ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
}

Result<HttpResponse> ImdsClient::Send(const HttpRequest& request, const CallContext& context) {
  int tries = Number(*needs_.environment, "AWS_METADATA_SERVICE_NUM_ATTEMPTS", 1, kTriesMax);
  int seconds = Number(*needs_.environment, "AWS_METADATA_SERVICE_TIMEOUT", 1, kSecondsMax);
  auto response = SendWithTries(*needs_.local_http, *needs_.clock, request, tries,
                                std::chrono::seconds(seconds), context);
  if (!response.ok()) return response.status().WithContext("metadata service " + Endpoint());
  return response;
}

Status ImdsClient::FetchToken(const CallContext& context) {
  HttpRequest request;
  request.method = "PUT";
  request.url = Endpoint() + "/latest/api/token";
  request.headers = {{"x-aws-ec2-metadata-token-ttl-seconds", std::string(kTokenSeconds)}};
  request.body_max = kAnswerBytesMax;
  MB_ASSIGN_OR_RETURN(HttpResponse response, Send(request, context));
  std::string token = Trimmed(AsText(response.body));
  if (!response.ok() || token.empty()) {
    return Status(Code::kAuthentication, "metadata service " + Endpoint() +
                                             ": no token, but status " +
                                             std::to_string(response.status))
        .WithHint("is the hop limit of the instance's metadata options 2 for containers?");
  }
  token_ = std::move(token);
  return Status::Ok();
}

Result<std::string> ImdsClient::Get(const std::string& path, const CallContext& context) {
  for (bool fresh = false;;) {
    if (token_.empty()) {
      MB_RETURN_IF_ERROR(FetchToken(context));
      fresh = true;
    }
    HttpRequest request;
    request.method = "GET";
    request.url = Endpoint() + path;
    request.headers = {{"x-aws-ec2-metadata-token", token_}};
    request.body_max = kAnswerBytesMax;
    MB_ASSIGN_OR_RETURN(HttpResponse response, Send(request, context));
    if (response.ok()) return ToString(response.body);
    if (response.status == 401 && !fresh) {  // the token has expired
      token_.clear();
      continue;
    }
    Code code = Code::kProtocol;
    if (response.status == 404) code = Code::kNotFound;
    if (response.status == 401 || response.status == 403) code = Code::kAuthentication;
    if (response.status == 429 || response.status >= 500) code = Code::kUnavailable;
    return Status(code, "metadata service " + Endpoint() + ": " + path + ": status " +
                            std::to_string(response.status))
        .Retryable(code == Code::kUnavailable);
  }
}

Result<std::optional<Credentials>> ImdsSource::Fetch(const CallContext& context,
                                                     std::string* why_not) {
  *why_not = client_.Disabled();
  if (!why_not->empty()) return std::optional<Credentials>();
  auto role_text = client_.Get(kRolePath, context);
  if (!role_text.ok()) {
    MB_RETURN_IF_ERROR(context.Check());
    const Status status = role_text.status();
    if (!found_before_ && IsSilence(status)) {
      *why_not = "nobody answers at " + client_.Endpoint();
      return std::optional<Credentials>();
    }
    if (status.code() == Code::kNotFound) {
      *why_not = "this instance has no role";
      return std::optional<Credentials>();
    }
    return status;
  }
  std::string role = Trimmed(*role_text);
  if (role.empty() || role.find_first_of("/?#%") != role.npos) {
    *why_not = "this instance has no role";
    return std::optional<Credentials>();
  }
  MB_ASSIGN_OR_RETURN(std::string text, client_.Get(kRolePath + role, context));
  std::string what = "the metadata service's answer for role " + role;
  MB_ASSIGN_OR_RETURN(nlohmann::json json, ParseJsonObject(text, what));
  std::string code = JsonText(json, "Code");
  if (!code.empty() && code != "Success") {
    return Status(Code::kAuthentication, what + " is " + code)
        .WithHint("does the role exist, and may ec2.amazonaws.com assume it?");
  }
  MB_ASSIGN_OR_RETURN(Credentials credentials, ParseCredentialsJson(text, what));
  if (credentials.expires_ms != 0 && credentials.expires_ms <= needs_.clock->WallMillis()) {
    LogWarn("the metadata service answers credentials that have expired; going on with them");
    credentials.expires_ms = needs_.clock->WallMillis() + kStaleMillis;
  }
  found_before_ = true;
  credentials.source = name() + ", role " + role;
  return std::optional<Credentials>(std::move(credentials));
}

}  // namespace maxbrod::aws
