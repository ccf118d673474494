// Credentials that stand in environment variables.
#pragma once

#include "aws/credentials_source.h"

namespace maxbrod::aws {

// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN. One of the first two alone is an
// error.
class EnvironmentSource : public CredentialsSource {
 public:
  explicit EnvironmentSource(SourceNeeds needs) : needs_(needs) {}
  std::string name() const override { return "environment variables"; }
  Result<std::optional<Credentials>> Fetch(const CallContext& context,
                                           std::string* why_not) override;

 private:
  SourceNeeds needs_;
};

}  // namespace maxbrod::aws
