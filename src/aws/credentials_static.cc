#include "aws/credentials_static.h"

namespace maxbrod::aws {

Result<std::optional<Credentials>> EnvironmentSource::Fetch(const CallContext& /*context*/,
                                                            std::string* why_not) {
  auto id = needs_.environment->Variable("AWS_ACCESS_KEY_ID");
  auto secret = needs_.environment->Variable("AWS_SECRET_ACCESS_KEY");
  if (!id && !secret) {
    *why_not = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set";
    return std::optional<Credentials>();
  }
  if (!id || !secret) {
    return Status(Code::kInvalidArgument,
                  std::string(id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY") +
                      " is set, but " + (id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID") +
                      " is not")
        .WithHint("set both, or neither");
  }
  std::string token = needs_.environment->Variable("AWS_SESSION_TOKEN").value_or("");
  return std::optional<Credentials>(Credentials{*id, *secret, token, 0, name()});
}

}  // namespace maxbrod::aws
