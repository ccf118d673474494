// AWS Secrets Manager: what MSK keeps SCRAM users in.
#pragma once

#include <memory>
#include <string>

#include "aws/json_call.h"

namespace maxbrod::aws {

struct UserSecret {
  std::string username, password;
};

// The secret's current version, {"username": ..., "password": ...}. `secret` is an ARN (its region
// is asked) or a name (the environment's region). kPermission names secretsmanager:GetSecretValue
// and kms:Decrypt, kNotFound, kInvalidArgument for a secret of another form. No message carries any
// of it.
Result<UserSecret> ReadUserSecret(const SourceNeeds& needs,
                                  std::shared_ptr<CredentialsProvider> credentials,
                                  const std::string& secret, const CallContext& context);

}  // namespace maxbrod::aws
