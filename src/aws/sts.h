// Roles: AssumeRole and AssumeRoleWithWebIdentity of AWS's Security Token Service.
#pragma once

#include <memory>
#include <string>

#include "aws/credentials_source.h"

namespace maxbrod::aws {

// Who wants to be what.
struct RoleRequest {
  std::string role_arn;
  std::string session_name;  // empty: "maxbrod-<milliseconds>"
  std::string external_id;   // empty: none
  int duration_seconds = 0;  // 0: the service's default, an hour
  std::string region;        // of the endpoint; empty: us-east-1
  std::string endpoint;      // a profile's endpoint_url; variables come first
};

// A role, assumed with other credentials. kPermission when the trust policy or the caller's policy
// does not allow it.
class AssumeRoleSource : public CredentialsSource {
 public:
  AssumeRoleSource(SourceNeeds needs, RoleRequest role, std::shared_ptr<CredentialsProvider> base)
      : needs_(needs), role_(std::move(role)), base_(std::move(base)) {}
  std::string name() const override { return "role " + role_.role_arn; }
  Result<std::optional<Credentials>> Fetch(const CallContext& context,
                                           std::string* why_not) override;

 private:
  SourceNeeds needs_;
  RoleRequest role_;
  std::shared_ptr<CredentialsProvider> base_;
};

// A role, assumed with a token that another identity provider has written into a file (pods of
// EKS). The file is read anew each time: it is replaced before the token expires.
class WebIdentitySource : public CredentialsSource {
 public:
  // AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN, AWS_ROLE_SESSION_NAME.
  explicit WebIdentitySource(SourceNeeds needs, std::string region)
      : needs_(needs), region_(std::move(region)) {}
  // As a profile says.
  WebIdentitySource(SourceNeeds needs, RoleRequest role, std::string token_file)
      : needs_(needs), region_(role.region), role_(std::move(role)), file_(std::move(token_file)) {}
  std::string name() const override { return "web identity token"; }
  Result<std::optional<Credentials>> Fetch(const CallContext& context,
                                           std::string* why_not) override;

 private:
  SourceNeeds needs_;
  std::string region_;
  RoleRequest role_;
  std::string file_;
};

// What STS answered. Public for tests.
Result<Credentials> ParseStsAnswer(const HttpResponse& response, const std::string& action,
                                   const std::string& role_arn);

}  // namespace maxbrod::aws
