#include "aws/credentials_container.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "aws/json_read.h"

namespace maxbrod::aws {
namespace {

constexpr int kTries = 3;
constexpr Millis kTryLimit{5'000};

bool IsLoopback(std::string_view host) {
  if (host == "localhost" || host == "::1") return true;
  // 127.0.0.0/8, written as four numbers: a name such as 127.evil.example is none.
  return host.starts_with("127.") && std::count(host.begin(), host.end(), '.') == 3 &&
         std::all_of(host.begin(), host.end(), [](char c) {
           return c == '.' || std::isdigit(static_cast<unsigned char>(c)) != 0;
         });
}

}  // namespace

bool MayAskForCredentials(std::string_view url) {
  if (url.starts_with("https://")) return true;
  if (!url.starts_with("http://")) return false;
  std::string_view authority = url.substr(7);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  if (authority.find('@') != authority.npos) return false;
  std::string_view host = authority;
  if (authority.starts_with('[')) {
    size_t close = authority.find(']');
    if (close == authority.npos) return false;
    host = authority.substr(1, close - 1);
  } else {
    host = authority.substr(0, authority.find(':'));
  }
  constexpr std::array<std::string_view, 3> kHosts = {"169.254.170.2", "169.254.170.23",
                                                      "fd00:ec2::23"};
  return IsLoopback(host) || std::find(kHosts.begin(), kHosts.end(), host) != kHosts.end();
}

Result<std::string> ContainerSource::Url(std::string* why_not) const {
  auto relative = needs_.environment->Variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  if (relative) {
    if (!relative->starts_with('/')) {
      return Status(Code::kInvalidArgument,
                    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with '/'");
    }
    return "http://169.254.170.2" + *relative;
  }
  auto full = needs_.environment->Variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (!full) {
    *why_not =
        "neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is "
        "set";
    return std::string();
  }
  if (!MayAskForCredentials(*full)) {
    return Status(Code::kInvalidArgument,
                  "AWS_CONTAINER_CREDENTIALS_FULL_URI names a host that must not be asked for "
                  "credentials without TLS")
        .WithHint("https://..., or loopback, 169.254.170.2, 169.254.170.23, [fd00:ec2::23]");
  }
  return *full;
}

Result<std::string> ContainerSource::Token() const {
  std::string token =
      needs_.environment->Variable("AWS_CONTAINER_AUTHORIZATION_TOKEN").value_or("");
  std::string from = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
  auto file = needs_.environment->Variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  if (file) {
    auto text = needs_.environment->ReadFile(*file);
    if (!text.ok()) {
      return Status(Code::kInvalidArgument, text.status().message())
          .WithHint("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names it");
    }
    token = std::move(text).value();
    from = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
  }
  // It becomes a header: a line break would add others.
  if (token.find_first_of("\r\n") != token.npos)
    return Status(Code::kInvalidArgument, from + ": the token has a line break");
  return token;
}

Result<std::optional<Credentials>> ContainerSource::Fetch(const CallContext& context,
                                                          std::string* why_not) {
  HttpRequest request;
  request.method = "GET";
  MB_ASSIGN_OR_RETURN(request.url, Url(why_not));
  if (request.url.empty()) return std::optional<Credentials>();
  MB_ASSIGN_OR_RETURN(std::string token, Token());
  request.headers = {{"accept", "application/json"}};
  if (!token.empty()) request.headers.push_back({"authorization", token});
  request.body_max = Environment::kOutputBytesMax;
  auto response =
      SendWithTries(*needs_.local_http, *needs_.clock, request, kTries, kTryLimit, context);
  if (!response.ok()) return response.status().WithContext("container endpoint");
  if (!response->ok()) {
    std::string message = "container endpoint: it answered " + std::to_string(response->status);
    auto json = ParseJsonObject(AsText(response->body), "");
    if (json.ok()) {
      for (const char* key : {"code", "message"}) {
        std::string text = JsonText(*json, key);
        if (!text.empty()) message += ", " + text;
      }
    }
    bool may_pass = response->status == 429 || response->status >= 500;
    return Status(may_pass ? Code::kUnavailable : Code::kAuthentication, message)
        .Retryable(may_pass);
  }
  MB_ASSIGN_OR_RETURN(
      Credentials credentials,
      ParseCredentialsJson(AsText(response->body), "container endpoint: the answer"));
  credentials.source = name();
  return std::optional<Credentials>(std::move(credentials));
}

}  // namespace maxbrod::aws
