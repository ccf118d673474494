#include "aws/credentials_source.h"

#include <algorithm>

#include "aws/json_read.h"
#include "base/user_time.h"

namespace maxbrod::aws {
namespace {

constexpr Millis kFirstBackoff{200};

bool MayPass(const Result<HttpResponse>& response) {
  if (!response.ok()) return response.status().retryable();
  return response->status == 429 || response->status >= 500;
}

}  // namespace

Result<Credentials> ParseCredentialsJson(std::string_view text, const std::string& what) {
  MB_ASSIGN_OR_RETURN(nlohmann::json json, ParseJsonObject(text, what));
  Credentials credentials;
  credentials.access_key_id = JsonText(json, "AccessKeyId");
  credentials.secret_access_key = JsonText(json, "SecretAccessKey");
  credentials.session_token = JsonText(json, "Token");
  if (credentials.session_token.empty()) credentials.session_token = JsonText(json, "SessionToken");
  if (credentials.access_key_id.empty() || credentials.secret_access_key.empty())
    return Status(Code::kProtocol, what + " has no AccessKeyId and SecretAccessKey");
  std::string expiration = JsonText(json, "Expiration");
  if (!expiration.empty()) {
    auto expires = ParseUserTime(expiration);
    if (!expires.ok()) return Status(Code::kProtocol, what + " has an Expiration that is no time");
    credentials.expires_ms = *expires;
  }
  return credentials;
}

Result<HttpResponse> SendWithTries(HttpClient& http, Clock& clock, const HttpRequest& request,
                                   int tries, Millis limit, const CallContext& context) {
  Millis backoff = kFirstBackoff;
  for (int i = 1;; ++i) {
    MB_RETURN_IF_ERROR(context.Check());
    Result<HttpResponse> response = http.Send(request, context.Within(limit));
    if (i >= tries || !MayPass(response)) return response;
    if (!clock.Sleep(std::min(backoff, context.deadline.Remaining()), context.stop))
      return Status(Code::kCancelled, "stopped");
    backoff *= 2;
  }
}

}  // namespace maxbrod::aws
