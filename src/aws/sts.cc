#include "aws/sts.h"

#include <algorithm>

#include "aws/credentials_endpoint.h"
#include "aws/sigv4.h"
#include "aws/uri.h"

namespace maxbrod::aws {
namespace {

constexpr int kTries = 3;
constexpr Millis kTryLimit{15'000};
constexpr size_t kAnswerBytesMax = size_t{256} << 10;
constexpr const char* kDefaultRegion = "us-east-1";

// The text of the first element of that name: STS's answers are flat, and each name we look for
// stands in them once. Empty when it is not there.
std::string ElementText(std::string_view xml, const std::string& name) {
  std::string open = "<" + name + ">", close = "</" + name + ">";
  size_t from = xml.find(open);
  if (from == xml.npos) return {};
  from += open.size();
  size_t end = xml.find(close, from);
  if (end == xml.npos) return {};
  std::string text(xml.substr(from, end - from));
  constexpr std::pair<std::string_view, char> kEntities[] = {
      {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&amp;", '&'}};
  for (const auto& [entity, character] : kEntities) {
    for (size_t at = 0; (at = text.find(entity, at)) != text.npos; ++at)
      text.replace(at, entity.size(), 1, character);
  }
  return text;
}

void AddField(const std::string& name, const std::string& value, std::string* form) {
  if (value.empty()) return;
  *form += (form->empty() ? "" : "&") + name + "=" + UriEncode(value);
}

std::string Form(const std::string& action, const RoleRequest& role, int64_t now_ms) {
  std::string form;
  AddField("Action", action, &form);
  AddField("Version", "2011-06-15", &form);
  AddField("RoleArn", role.role_arn, &form);
  AddField("RoleSessionName",
           role.session_name.empty() ? "maxbrod-" + std::to_string(now_ms) : role.session_name,
           &form);
  AddField("ExternalId", role.external_id, &form);
  if (role.duration_seconds > 0)
    AddField("DurationSeconds", std::to_string(role.duration_seconds), &form);
  return form;
}

Code CodeOf(const std::string& error, int status) {
  if (error == "AccessDenied" || error == "AccessDeniedException") return Code::kPermission;
  if (error == "ValidationError" || error == "MalformedPolicyDocument")
    return Code::kInvalidArgument;
  bool may_pass = status >= 500 || status == 429 || error == "Throttling" ||
                  error == "IDPCommunicationError" || error == "ThrottlingException" ||
                  error == "RequestLimitExceeded";
  return may_pass ? Code::kUnavailable : Code::kAuthentication;
}

struct Sending {
  const SourceNeeds& needs;
  const RoleRequest& role;
  std::string region, url;

  Sending(const SourceNeeds& the_needs, const RoleRequest& the_role)
      : needs(the_needs),
        role(the_role),
        region(the_role.region.empty() || the_role.region == "aws-global" ? kDefaultRegion
                                                                          : the_role.region),
        url(ServiceEndpoint(*the_needs.environment, "STS", "sts", region, the_role.endpoint) +
            "/") {}

  Result<Credentials> Send(const std::string& action, const std::string& form,
                           const Credentials* signer, const CallContext& context) const {
    HttpRequest request;
    request.method = "POST";
    request.url = url;
    request.headers = {{"content-type", "application/x-www-form-urlencoded; charset=utf-8"}};
    request.body = {AsBytes(form)};
    request.body_max = kAnswerBytesMax;
    if (signer != nullptr) {
      MB_RETURN_IF_ERROR(SignRequest(*signer, {region, "sts"}, PayloadHash(request.body),
                                     needs.clock->WallMillis(), &request));
    }
    auto response = SendWithTries(*needs.http, *needs.clock, request, kTries, kTryLimit, context);
    if (!response.ok()) return response.status().WithContext("STS " + action + " at " + url);
    return ParseStsAnswer(*response, action, role.role_arn);
  }
};

}  // namespace

Result<Credentials> ParseStsAnswer(const HttpResponse& response, const std::string& action,
                                   const std::string& role_arn) {
  std::string_view xml = AsText(response.body);
  std::string context = action + " of " + role_arn;
  if (!response.ok()) {
    std::string error = ElementText(xml, "Code"), message = ElementText(xml, "Message");
    Code code = CodeOf(error, response.status);
    Status status(code, context + ": " +
                            (error.empty() ? "status " + std::to_string(response.status) : error) +
                            (message.empty() ? "" : ": " + message));
    if (code == Code::kPermission) {
      status = std::move(status).WithHint(
          "the caller needs sts:" + action +
          " on this role, and the role's trust policy must name the caller (and the external id)");
    }
    return std::move(status).Retryable(code == Code::kUnavailable);
  }
  Credentials credentials;
  credentials.access_key_id = ElementText(xml, "AccessKeyId");
  credentials.secret_access_key = ElementText(xml, "SecretAccessKey");
  credentials.session_token = ElementText(xml, "SessionToken");
  auto expires = ParseIsoDate(ElementText(xml, "Expiration"));
  if (credentials.access_key_id.empty() || credentials.secret_access_key.empty() ||
      credentials.session_token.empty() || !expires)
    return Status(Code::kProtocol, context + ": the answer has no credentials");
  credentials.expires_ms = *expires;
  credentials.source = "role " + role_arn;
  return credentials;
}

Result<std::optional<Credentials>> AssumeRoleSource::Fetch(const CallContext& context,
                                                           std::string* /*why_not*/) {
  MB_ASSIGN_OR_RETURN(Credentials base, base_->Get(context));
  std::string form = Form("AssumeRole", role_, needs_.clock->WallMillis());
  Sending sending(needs_, role_);
  auto credentials = sending.Send("AssumeRole", form, &base, context);
  if (!credentials.ok() && credentials.status().code() == Code::kAuthentication) {
    // Once more with new ones: they may have been withdrawn before their time.
    base_->Refused(base);
    MB_ASSIGN_OR_RETURN(Credentials fresh, base_->Get(context));
    if (fresh != base) credentials = sending.Send("AssumeRole", form, &fresh, context);
  }
  if (!credentials.ok()) return credentials.status();
  return std::optional<Credentials>(std::move(credentials).value());
}

Result<std::optional<Credentials>> WebIdentitySource::Fetch(const CallContext& context,
                                                            std::string* why_not) {
  RoleRequest role = role_;
  std::string file = file_;
  if (file.empty()) {
    file = needs_.environment->Variable("AWS_WEB_IDENTITY_TOKEN_FILE").value_or("");
    if (file.empty()) {
      *why_not = "AWS_WEB_IDENTITY_TOKEN_FILE is not set";
      return std::optional<Credentials>();
    }
    role.role_arn = needs_.environment->Variable("AWS_ROLE_ARN").value_or("");
    role.session_name = needs_.environment->Variable("AWS_ROLE_SESSION_NAME").value_or("");
    role.region = region_;
    if (role.role_arn.empty()) {
      return Status(Code::kInvalidArgument,
                    "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not");
    }
  }
  auto token = needs_.environment->ReadFile(file);
  if (!token.ok()) return token.status().WithContext("web identity token");
  size_t end = token->find_last_not_of(" \t\r\n");
  token->resize(end == token->npos ? 0 : end + 1);
  if (token->empty()) return Status(Code::kInvalidArgument, "'" + file + "' has no token");
  std::string form = Form("AssumeRoleWithWebIdentity", role, needs_.clock->WallMillis());
  AddField("WebIdentityToken", *token, &form);
  MB_ASSIGN_OR_RETURN(
      Credentials credentials,
      Sending(needs_, role).Send("AssumeRoleWithWebIdentity", form, nullptr, context));
  return std::optional<Credentials>(std::move(credentials));
}

}  // namespace maxbrod::aws
