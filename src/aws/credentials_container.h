// Credentials of a container in ECS, or of a pod in EKS (Pod Identity): an endpoint on the host.
#pragma once

#include "aws/credentials_source.h"

namespace maxbrod::aws {

// AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI, with AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE
// (read anew each time) or AWS_CONTAINER_AUTHORIZATION_TOKEN. Without TLS only the hosts that AWS
// names are asked: loopback, 169.254.170.2, 169.254.170.23 and fd00:ec2::23.
class ContainerSource : public CredentialsSource {
 public:
  explicit ContainerSource(SourceNeeds needs) : needs_(needs) {}
  std::string name() const override { return "container endpoint"; }
  Result<std::optional<Credentials>> Fetch(const CallContext& context,
                                           std::string* why_not) override;

 private:
  Result<std::string> Url(std::string* why_not) const;
  Result<std::string> Token() const;

  SourceNeeds needs_;
};

// Whether credentials may be asked of this URL: https, or a host that AWS names.
bool MayAskForCredentials(std::string_view url);

}  // namespace maxbrod::aws
