#include "aws/credentials_oidc.h"

#include <algorithm>
#include <mutex>

#include "aws/credentials_container.h"
#include "aws/json_read.h"
#include "aws/uri.h"
#include "codec/hash.h"

namespace maxbrod::aws {
namespace {

constexpr int kTries = 3;
constexpr Millis kTryLimit{10'000};
constexpr size_t kAnswerBytesMax = size_t{1} << 20;
constexpr int64_t kLifetimeSecondsDefault = 300;  // an answer need not name it
constexpr int64_t kLifetimeSecondsMax = 86'400;
constexpr std::string_view kExtension = "extension_";

class ClientCredentialsTokens : public kafka::TokenSource {
 public:
  ClientCredentialsTokens(const SourceNeeds& needs, const kafka::TokenLogin& login)
      : needs_(needs), login_(login) {
    for (const auto& [name, value] : login.options) {
      if (name.starts_with(kExtension)) token_.extensions[name.substr(kExtension.size())] = value;
    }
  }

  Result<kafka::SaslToken> Get(const HostPort& /*broker*/, const CallContext& context) override {
    std::lock_guard lock(mutex_);
    int64_t now_ms = needs_.clock->WallMillis();
    if (token_.text.empty() || now_ms >= renew_from_ms_) {
      MB_RETURN_IF_ERROR(
          Fetch(now_ms, context).WithContext("token endpoint " + login_.endpoint_url));
    }
    return token_;
  }

 private:
  std::string Option(const char* name) const {
    auto it = login_.options.find(name);
    return it == login_.options.end() ? std::string() : it->second;
  }

  Status Fetch(int64_t now_ms, const CallContext& context) {
    std::string form = "grant_type=client_credentials";
    if (std::string scope = Option("scope"); !scope.empty()) form += "&scope=" + UriEncode(scope);
    std::string basic = Option("clientId") + ":" + Option("clientSecret");
    HttpRequest request;
    request.method = "POST";
    request.url = login_.endpoint_url;
    request.headers = {{"content-type", "application/x-www-form-urlencoded"},
                       {"accept", "application/json"},
                       {"authorization", "Basic " + Base64Encode(AsBytes(basic))}};
    request.body = {AsBytes(form)};
    request.body_max = kAnswerBytesMax;
    MB_ASSIGN_OR_RETURN(HttpResponse response, SendWithTries(*needs_.http, *needs_.clock, request,
                                                             kTries, kTryLimit, context));
    auto json = ParseJsonObject(AsText(response.body), "the answer");
    if (!response.ok()) {
      bool may_pass = response.status == 429 || response.status >= 500;
      std::string message = "status " + std::to_string(response.status);
      for (const char* key : {"error", "error_description"}) {
        std::string text = json.ok() ? JsonText(*json, key) : "";
        if (!text.empty()) message += ", " + text;
      }
      return Status(may_pass ? Code::kUnavailable : Code::kAuthentication, message)
          .Retryable(may_pass)
          .WithHint("check clientId, clientSecret and scope in sasl.jaas.config");
    }
    if (!json.ok()) return json.status();
    std::string text = JsonText(*json, "access_token");
    if (text.empty()) return Status(Code::kProtocol, "the answer has no access_token");
    int64_t seconds = kLifetimeSecondsDefault;
    auto expires = json->find("expires_in");
    if (expires != json->end() && expires->is_number_integer()) seconds = expires->get<int64_t>();
    seconds = std::clamp<int64_t>(seconds, 0, kLifetimeSecondsMax);
    token_.text = std::move(text);
    renew_from_ms_ = now_ms + seconds * 800;
    return Status::Ok();
  }

  const SourceNeeds needs_;
  const kafka::TokenLogin login_;
  std::mutex mutex_;
  kafka::SaslToken token_;
  int64_t renew_from_ms_ = 0;
};

}  // namespace

Result<std::shared_ptr<kafka::TokenSource>> MakeClientCredentialsTokens(
    const SourceNeeds& needs, const kafka::TokenLogin& login) {
  for (const char* name : {"clientId", "clientSecret"}) {
    auto it = login.options.find(name);
    if (it == login.options.end() || it->second.empty())
      return Status(Code::kInvalidArgument, std::string("sasl.jaas.config: has no option ") + name);
  }
  // The same rule as for AWS credentials: secrets go over TLS, or stay on the machine.
  if (!MayAskForCredentials(login.endpoint_url)) {
    return Status(Code::kInvalidArgument,
                  "sasl.oauthbearer.token.endpoint.url: the client's secret goes to https:// only");
  }
  return std::shared_ptr<kafka::TokenSource>(
      std::make_shared<ClientCredentialsTokens>(needs, login));
}

}  // namespace maxbrod::aws
